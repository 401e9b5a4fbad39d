cdef class Active:
    cdef public long count

cdef class Scope:
    cdef public object name, parent, _is_open
