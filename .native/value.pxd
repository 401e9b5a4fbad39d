cimport cython
from autograd_lite.graph cimport Node
from autograd_lite.modes cimport Active

cdef long long _epoch
cdef Active active
cdef object add, mul, sub
cdef set open_scopes

@cython.no_gc
cdef class Value(Node):
    cpdef Value apply(self, object primitive, tuple operands)
    cdef object _apply_to(self, object primitive, object a, object b)

@cython.no_gc
cdef class Resident(Value):
    pass
