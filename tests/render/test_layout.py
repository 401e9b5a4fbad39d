"""The layout: nothing overlaps, wires run from left to right, a tree has no crossings."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_lite.render import layout
from autograd_lite.render.layout import APART, Box, Frame, arrange


@st.composite
def graphs(draw):
    """Boxes in topological order, each used, the last one the root."""
    boxes = []
    for _ in range(draw(st.integers(1, 25))):
        operands = draw(st.lists(st.sampled_from(boxes), max_size=3)) if boxes else []
        size = st.floats(10, 200)
        boxes.append(Box(draw(size), draw(size), draw(size), operands, flush=not operands))
    used = {operand for box in boxes for operand in box.operands}
    return [*boxes, Box(40, 20, 20, [box for box in boxes if box not in used])]


def names(plan, boxes):
    """A copy of what was arranged that can be compared."""
    return [(b.x, b.y, b.right) for b in (*boxes, *plan.lanes)], plan.width, plan.height


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_no_two_boxes_and_no_lane_overlap(boxes):
    plan = arrange(boxes)
    for a, b in itertools.combinations([*boxes, *plan.lanes], 2):
        if a.column == b.column:
            over, under = sorted((a, b), key=lambda box: box.y)
            assert under.y - under.up >= over.y + over.down + APART - 1e-6
        elif a.column < b.column:
            assert b.x > a.right >= a.x + a.width - 1e-6


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_everything_lies_on_the_page(boxes):
    plan = arrange(boxes)
    for box in (*boxes, *plan.lanes):
        assert 0 < box.x <= box.x + box.width <= plan.width
        assert 0 < box.y - box.up <= box.y + box.down < plan.height


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_every_operand_has_a_wire_that_passes_every_column_between(boxes):
    plan = arrange(boxes)
    assert all(wire.head.column == wire.tail.column + 1 for wire in plan.wires)
    before = {wire.head: wire.tail for wire in plan.wires if not wire.ends}
    found = []
    for wire in plan.wires:
        if wire.ends:
            source = wire.tail
            while source in before:
                source = before[source]
            found.append((source, wire.head))
    assert found == [(operand, box) for box in boxes for operand in box.operands]


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_the_same_graph_has_the_same_layout(boxes):
    assert names(arrange(boxes), boxes) == names(arrange(boxes), boxes)


def tree(rng, depth):
    if not depth:
        return [Box(30, 10, 10, flush=True)]
    parts = [tree(rng, rng.randrange(depth)) for _ in range(rng.randint(1, 3))]
    return [*itertools.chain(*parts), Box(50, 20, 20, [part[-1] for part in parts])]


@pytest.mark.parametrize("seed", range(10))
def test_a_tree_has_no_crossings_and_keeps_the_order_of_its_operands(seed):
    boxes = tree(random.Random(seed), 6)
    arrange(boxes)
    for box in boxes:
        heights = [operand.y for operand in box.operands]
        assert heights == sorted(heights)
    edges = [(operand, box) for box in boxes for operand in box.operands]
    for (a, b), (c, d) in itertools.combinations(edges, 2):
        if a.column == c.column:
            assert (a.y - c.y) * (b.y - d.y) >= 0


def test_a_chain_is_a_straight_line():
    boxes = [Box(30, 10, 10)]
    for _ in range(20):
        boxes.append(Box(30, 10, 10, [boxes[-1]]))
    arrange(boxes)
    assert len({box.y for box in boxes}) == 1


def test_a_leaf_stands_next_to_its_first_user():
    x, late = Box(30, 10, 10), Box(30, 10, 10)
    a = Box(30, 10, 10, [x])
    b = Box(30, 10, 10, [a])
    root = Box(30, 10, 10, [b, late, x])
    arrange([x, late, a, b, root])
    assert [box.column for box in (x, a, b, late, root)] == [0, 1, 2, 2, 3]


def test_two_crossed_pairs_are_untangled():
    p, q = Box(30, 10, 10), Box(30, 10, 10)
    a, b = Box(30, 10, 10, [q]), Box(30, 10, 10, [p])
    root = Box(30, 10, 10, [a, b])
    arrange([p, q, a, b, root])
    assert (p.y - q.y) * (b.y - a.y) > 0


def test_pooled_heights_are_the_least_squares():
    """Three boxes that all want to be at 0: the middle one gets it."""
    column = [Box(1, 5, 5) for _ in range(3)]
    layout._stack(column, [0.0, 0.0, 0.0])
    assert [box.y for box in column] == [-20.0, 0.0, 20.0]
    layout._stack(column, [0.0, 100.0, 50.0])
    assert [box.y for box in column] == [0.0, 65.0, 85.0]


def test_long_wires_beyond_the_room_for_lanes_run_straight(monkeypatch):
    monkeypatch.setattr(layout, "MOST_LANES", 3)
    x = Box(30, 10, 10)
    chain = [Box(30, 10, 10, [x])]
    for _ in range(5):
        chain.append(Box(30, 10, 10, [chain[-1]]))
    root = Box(30, 10, 10, [chain[-1], x, chain[2]])
    plan = arrange([x, *chain, root])
    assert len(plan.lanes) == 3
    assert [wire.tail for wire in plan.wires if wire.head is root] == [chain[-1], x, plan.lanes[-1]]


def test_five_thousand_in_a_row_are_arranged():
    boxes = [Box(30, 10, 10)]
    for _ in range(5000):
        boxes.append(Box(30, 10, 10, [boxes[-1], boxes[0]]))
    arrange(boxes)


@st.composite
def framed_graphs(draw):
    """Graphs whose boxes stand in frames as scopes make them: stretches of time, one within another."""
    boxes = draw(graphs())
    stack, frames = [], []
    for box in boxes:
        while stack and draw(st.booleans()):
            stack.pop()
        while len(stack) < 3 and draw(st.booleans()):
            stack.append(Frame(draw(st.floats(0, 150)), stack[-1] if stack else None))
            frames.append(stack[-1])
        box.frame = stack[-1] if stack else None
    return boxes


def edges(box):
    return box.x, box.y - box.up, box.x + box.width, box.y + box.down


def holds(outer, inner):
    a, b = edges(outer), edges(inner)
    return a[0] <= b[0] + 1e-6 and a[1] <= b[1] + 1e-6 and a[2] >= b[2] - 1e-6 and a[3] >= b[3] - 1e-6


def overlap(one, other):
    a, b = edges(one), edges(other)
    return a[0] < b[2] - 1e-6 and b[0] < a[2] - 1e-6 and a[1] < b[3] - 1e-6 and b[1] < a[3] - 1e-6


def around(box):
    return box.frame.path if box.frame else []


@settings(max_examples=40, deadline=None)
@given(framed_graphs())
def test_frames_hold_what_is_theirs_and_nothing_else(boxes):
    plan = arrange(boxes)
    assert set(plan.frames) == {frame for box in boxes for frame in around(box)}
    for frame in plan.frames:
        assert 0 < frame.x < frame.x + frame.width < plan.width
        for box in (*boxes, *plan.frames):
            if box is not frame and frame in around(box):
                assert holds(frame, box)
            elif box is not frame and box not in around(frame):
                assert not overlap(frame, box)
    for a, b in itertools.combinations(boxes, 2):
        assert not overlap(a, b)


@settings(max_examples=40, deadline=None)
@given(framed_graphs())
def test_wires_through_frames_go_to_the_right_and_arrive(boxes):
    plan = arrange(boxes)
    before = {wire.head: wire.tail for wire in plan.wires if not wire.ends}
    found = []
    for wire in plan.wires:
        assert wire.head.x >= wire.tail.right - 1e-6
        if wire.ends:
            source = wire.tail
            while source in before:
                source = before[source]
            found.append((boxes.index(source), boxes.index(wire.head)))
    assert sorted(found) == sorted((boxes.index(operand), k) for k, box in enumerate(boxes) for operand in box.operands)
