cimport cython
from autograd_lite.primitives cimport Traced

ctypedef long long Count

cdef int _depth, _deletions
cdef list _dying

@cython.no_gc
cdef class Node(Traced):
    cdef public object _a, _b, _grad, _label, _primitive, _scope
    cdef public double _data, _adjoint
    cdef public Count _epoch, _walk

cpdef list contributions(Node node, double upstream)
cpdef list numbers_of(Node node)
cpdef check_fresh(Node node)
@cython.locals(newest=Count)
cpdef replay(list order, Count epoch)
@cython.locals(walk=Count)
cdef list _operands_first(Node root)
@cython.locals(newest=Count, oldest=Count, epoch=Count)
cdef list _sweep(Node root, double seed)
