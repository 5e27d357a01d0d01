#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Shares a value, a condition, a semaphore, events and more with child processes, and says what comes of it.

    sync-types.py
"""

import gi

gi.require_version('Mp', '1.0')
from gi.repository import Mp      # noqa: E402

A_MOMENT = 0.05
N_CHILDREN = 6


def say(text):
    print(text, flush=True)


# --- Children


def count_to_ten(value):
    for _ in range(10):
        with value.get_lock():
            value.value += 1


def wait_for_loaves(condition, loaves, is_waiting):
    with condition:
        is_waiting.set()
        condition.wait_for(lambda: loaves.value > 0)
        say(f'condition: {loaves.value} loaves are there')


def bring_loaves(condition, loaves):
    with condition:
        loaves.value = 3
        condition.notify()


def enter_and_leave(semaphore, door, meeting, inside, most):
    """All are at the door; two at a time are inside, and leave when both have met."""
    door.wait()
    with semaphore:
        with most.get_lock():
            inside.value += 1
            most.value = max(most.value, inside.value)
        meeting.wait()
        with most.get_lock():
            inside.value -= 1


def wait_for_the_end(end):
    end.wait()


def wait_twice(event, is_impatient):
    if not event.wait(A_MOMENT):
        say('event: not set in a moment')
    is_impatient.set()
    if event.wait():
        say('event: set')


def say_values(who, number, ratio, squares, words):
    say(f'values in the {who}: {number.value}, {ratio.value:.1f}, {" ".join(map(str, squares))}, {words[0]}')


def double_values(number, ratio, squares, words):
    say_values('child', number, ratio, squares, words)
    number.value *= 2
    ratio.value *= 2
    squares[:] = [2 * square for square in squares]
    words[0] = 'twice'


# --- The program


def start(target, *shared):
    child = Mp.Process(target=target, args=shared)
    child.start()
    return child


def join(*children):
    for child in children:
        child.join()
        if child.exitcode != 0:
            raise SystemExit(f'sync-types: exit code {child.exitcode}')


def try_value():
    value = Mp.Value('i', 0)
    say(f'value: {value.value} at first')
    join(start(count_to_ten, value))
    say(f'value: {value.value} behind the child')


def try_condition():
    condition, loaves, is_waiting = Mp.Condition(), Mp.Value('i', 0), Mp.Event()
    waiter = start(wait_for_loaves, condition, loaves, is_waiting)
    is_waiting.wait()
    join(waiter, start(bring_loaves, condition, loaves))


def try_semaphore():
    semaphore, door, meeting = Mp.Semaphore(2), Mp.Barrier(N_CHILDREN), Mp.Barrier(2)
    inside, most = Mp.Value('i', 0), Mp.Value('i', 0)
    join(*[start(enter_and_leave, semaphore, door, meeting, inside, most) for _ in range(N_CHILDREN)])
    say(f'semaphore: {most.value} of {N_CHILDREN} at once')


def try_join():
    end = Mp.Event()
    child = start(wait_for_the_end, end)
    child.join(A_MOMENT)
    if child.exitcode is None:
        say('join: the child runs')
    end.set()
    child.join()
    say(f'join: exit code {child.exitcode}')


def try_event():
    event, is_impatient = Mp.Event(), Mp.Event()
    child = start(wait_twice, event, is_impatient)
    is_impatient.wait()
    event.set()
    join(child)


def try_values():
    values = Mp.Value('i', 7), Mp.Value('d', 2.5), Mp.Array('i', [1, 4, 9]), Mp.ShareableList(['once'])
    say_values('parent', *values)
    join(start(double_values, *values))
    say_values('parent', *values)


if __name__ == '__main__':
    try_value()
    try_condition()
    try_semaphore()
    try_join()
    try_event()
    try_values()
