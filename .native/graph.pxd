cimport cython
from autograd_lite.primitives cimport Traced

ctypedef long long Count

cdef extern from *:
    """
    #ifdef __GNUC__
    #define fetch(node, bytes) __builtin_prefetch((char *) (node) + (bytes))
    #else
    #define fetch(node, bytes)
    #endif
    """
    void fetch(Node node, Py_ssize_t bytes)

cdef bint NATIVE
cdef Py_ssize_t AHEAD
cdef int _depth
cdef object add, mul, sub

@cython.no_gc
cdef class Node(Traced):
    # What a walk and a sweep look at stands together, within one line of the cache.
    cdef public object _a, _b, _primitive
    cdef public Count _walk
    cdef public double _adjoint, _data
    cdef public Count _epoch
    cdef public double _grad
    cdef public object _notes

cpdef list contributions(Node node, double upstream)
cpdef list numbers_of(Node node)
cpdef check_fresh(Node node)
cpdef hold_gradient(Node node, object gradient)
cpdef clear_gradients(Node root)
cpdef replay(list below, Node root, Count epoch)
@cython.locals(newest=Count)
cdef _recompute(list nodes, Count epoch, dict failures)
cdef list _in_order(Node root)
@cython.locals(walk=Count)
cdef list _operands_first(Node root)
@cython.locals(number=Count)
cpdef tuple flatten(object leaves, object nodes, object roots)
@cython.locals(newest=Count, oldest=Count, epoch=Count)
cdef list _sweep(Node root, double seed)
