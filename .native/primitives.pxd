cdef class Traced:
    pass
