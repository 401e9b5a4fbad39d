"""Where compiled nodes come from and where they go: this replaces what Cython would make for Value.

Nodes lie in slabs, in the order in which they are made, which is nearly that in which a sweep comes by.
Slabs of a deleted graph are kept for the next one: back at the system they would come as pages that
it clears anew, and that costs more than all the rest of making a node. Nodes are deleted one after the
other, however long the chain.
"""

from cpython.ref cimport PyObject, Py_DECREF, Py_XDECREF
from libc.stdint cimport uintptr_t
from libc.string cimport memset

from autograd_lite.graph cimport AHEAD, Node, fetch

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        Py_ssize_t tp_basicsize
        PyObject *(*tp_alloc)(PyTypeObject *, Py_ssize_t)
        void (*tp_free)(void *)
        void (*tp_dealloc)(PyObject *)

    PyTypeObject *Py_TYPE(PyObject *)
    PyObject *PyObject_Init(PyObject *, PyTypeObject *)
    PyObject *PyErr_NoMemory()
    int PyTraceMalloc_Track(unsigned int domain, uintptr_t address, size_t size)
    int PyTraceMalloc_Untrack(unsigned int domain, uintptr_t address)

cdef extern from *:
    """
    #include <stdlib.h>
    #ifdef _WIN32
    #include <malloc.h>
    #define allocate_slab() _aligned_malloc(1 << 16, 1 << 16)
    #define release_slab(slab) _aligned_free(slab)
    #else
    static void *allocate_slab(void) {
        void *slab = NULL;  /* 16 bytes less than the distance of two: malloc writes its own in front */
        return posix_memalign(&slab, 1 << 16, (1 << 16) - 16) ? NULL : slab;
    }
    #define release_slab(slab) free(slab)
    #endif
    """
    void *allocate_slab()
    void release_slab(void *)

cdef enum:
    SLAB = 1 << 16
    KEPT = 2048  # slabs, 128 MB

cdef struct Free:
    Free *next

cdef struct Slab:
    Slab *next  # in the ring of slabs with room, or in the stack of empty ones
    Slab *previous
    Free *free
    char *fresh  # from here on nothing was ever made
    size_t used

cdef Slab ring  # of those with room; its next is the one that nodes are made in
cdef Slab *empty = NULL
cdef int count_of_empty = 0
cdef size_t size = 0  # of a node
cdef size_t most = 0  # nodes of a slab

ring.next = ring.previous = &ring


cdef inline void link(Slab *slab) noexcept:
    slab.previous = ring.previous
    slab.next = &ring
    ring.previous.next = slab
    ring.previous = slab


cdef inline void unlink(Slab *slab) noexcept:
    slab.previous.next = slab.next
    slab.next.previous = slab.previous


cdef Slab *open_slab() noexcept:
    global empty, count_of_empty
    cdef Slab *slab = empty
    if slab is not NULL:
        empty = slab.next
        count_of_empty -= 1
    else:
        slab = <Slab *> allocate_slab()
        if slab is NULL:
            return NULL
    slab.free = NULL
    slab.fresh = <char *> slab + sizeof(Slab)
    slab.used = 0
    link(slab)
    return slab


cdef PyObject *make(PyTypeObject *kind, Py_ssize_t items) noexcept:
    """Return a node for tp_new, its fields 0."""
    cdef Slab *slab = ring.next
    cdef void *place
    if slab is &ring:
        slab = open_slab()
        if slab is NULL:
            return PyErr_NoMemory()
    if slab.free is not NULL:
        place = slab.free
        slab.free = slab.free.next
    else:
        place = slab.fresh
        slab.fresh += size
    slab.used += 1
    if slab.used == most:
        unlink(slab)
    PyTraceMalloc_Track(0, <uintptr_t> place, size)
    memset(place, 0, size)
    return PyObject_Init(<PyObject *> place, kind)


cdef void take_back(void *place) noexcept:
    global empty, count_of_empty
    cdef Slab *slab = <Slab *> (<uintptr_t> place & ~<uintptr_t> (SLAB - 1))
    PyTraceMalloc_Untrack(0, <uintptr_t> place)
    (<Free *> place).next = slab.free
    slab.free = <Free *> place
    if slab.used == most:
        link(slab)
    slab.used -= 1
    if slab.used == 0:
        unlink(slab)
        if count_of_empty == KEPT:
            release_slab(slab)
        else:
            slab.next = empty
            empty = slab
            count_of_empty += 1


cdef PyObject *leaving = NULL  # nodes that nothing refers to any more, linked by _walk
cdef bint is_deleting = False


cdef void delete(PyObject *node) noexcept:
    """Delete a node, and then those that it was the last to refer to."""
    global leaving, is_deleting
    cdef PyObject *a
    cdef PyObject *b
    cdef PyObject *primitive
    cdef PyObject *notes
    cdef PyTypeObject *kind
    (<Node> node)._walk = <uintptr_t> leaving
    leaving = node
    if is_deleting:
        return
    is_deleting = True
    while leaving is not NULL:
        node = leaving
        leaving = <PyObject *> <uintptr_t> (<Node> node)._walk
        a = <PyObject *> (<Node> node)._a
        b = <PyObject *> (<Node> node)._b
        primitive = <PyObject *> (<Node> node)._primitive
        notes = <PyObject *> (<Node> node)._notes
        kind = Py_TYPE(node)
        fetch(<Node> node, -AHEAD)
        kind.tp_free(node)
        Py_XDECREF(a)
        Py_XDECREF(b)
        Py_XDECREF(primitive)
        Py_XDECREF(notes)
        Py_DECREF(<object> kind)
    is_deleting = False


def take_over(kind):
    """Make and delete the instances of a class of nodes, and delete those of its subclasses."""
    global size, most
    cdef PyTypeObject *node_type = <PyTypeObject *> kind
    size = (node_type.tp_basicsize + 15) & ~15
    most = (SLAB - 16 - sizeof(Slab)) // size
    node_type.tp_alloc = make
    node_type.tp_free = take_back
    node_type.tp_dealloc = delete
