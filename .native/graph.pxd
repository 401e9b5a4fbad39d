cimport cython
from autograd_lite.primitives cimport Traced

ctypedef long long Count

cdef int _depth, _deletions
cdef list _dying

@cython.no_gc
cdef class Node(Traced):
    # What a walk and a sweep look at stands together, within one line of the cache.
    cdef public object _a, _b, _primitive
    cdef public Count _walk
    cdef public double _adjoint, _data
    cdef public Count _epoch
    cdef public object _grad, _label, _scope

cpdef list contributions(Node node, double upstream)
cpdef list numbers_of(Node node)
cpdef check_fresh(Node node)
@cython.locals(newest=Count)
cpdef replay(list order, Count epoch)
@cython.locals(walk=Count)
cdef list _operands_first(Node root)
@cython.locals(number=Count)
cpdef tuple flatten(object leaves, object nodes, object roots)
@cython.locals(newest=Count, oldest=Count, epoch=Count)
cdef list _sweep(Node root, double seed)
