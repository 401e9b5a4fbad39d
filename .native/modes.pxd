cdef class Active:
    cdef public long count
