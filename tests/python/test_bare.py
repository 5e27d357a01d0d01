# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""An object that is made by g_object_new() alone: each method of each class does its work, or says that it cannot."""

import os
import sys
import unittest

from gi.module import get_introspection_module

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import GLib, Mp, MpCase, run_loop  # noqa: E402

from gi.repository import GObject  # noqa: E402

RAW = get_introspection_module('Mp')

# What others make: a bare one is of nothing.
OF_NOTHING = 'PoolResult', 'ResultIterator', 'Worker'

# A pool is whole without anything else, and would start workers; so is a process, whose start is tested elsewhere.
FIRST = {'Pool': 'terminate'}
STARTING = 'start', 'start_async'

NUMBERS = {'gint8', 'guint8', 'gint16', 'guint16', 'gint32', 'guint32', 'gint64', 'guint64', 'gsize', 'gssize'}
VALUES = {'error': GLib.Error('x', 'g-io-error-quark', 1), 'filename': 'x', 'gboolean': False, 'gdouble': 0.0,
          'utf8': 'x'}


def list_classes():
    for name in dir(RAW):
        cls = getattr(RAW, name)
        if isinstance(cls, type) and issubclass(cls, GObject.Object) and not cls.__gtype__.is_abstract():
            yield name, cls


def list_methods(cls):
    """Of the class, its parents and its interfaces; what ends a call is called with that."""
    names = set()
    for base in cls.__mro__:
        info = vars(base).get('__info__')
        if info is None or info.get_namespace() != 'Mp':
            continue
        for method in info.get_methods():
            name = method.get_name()
            if method.is_method() and name not in names and name not in STARTING and not name.endswith('_finish'):
                names.add(name)
                yield base, method


def make_object(argument, interface):
    name = interface.get_name()
    if type(interface).__name__ in ('EnumInfo', 'FlagsInfo'):
        return getattr(RAW, name)(0)
    makers = {
        'AuthKey': Mp.AuthKey.new_random,
        'Bytes': lambda: GLib.Bytes.new(b'x'),
        'Launcher': lambda: Mp.Launcher.lookup('python'),
        'Message': lambda: RAW.Message.new(GLib.Variant('i', 1)),
        'Shareable': RAW.Event,
        'Variant': lambda: GLib.Variant('as', ['x']),
    }
    return None if argument.may_be_null() else makers[name]()


def make_value(argument):
    kind = argument.get_type()
    tag = kind.get_tag_as_string()
    if tag == 'interface':
        return make_object(argument, kind.get_interface())
    if tag == 'array':
        return b'x' if kind.get_param_type(0).get_tag_as_string() == 'guint8' else []
    return 1 if tag in NUMBERS else VALUES[tag]


def make_values(method):
    arguments = method.get_arguments()
    lengths = {argument.get_type().get_array_length() for argument in arguments
               if argument.get_type().get_tag_as_string() == 'array'}
    return [make_value(argument) for i, argument in enumerate(arguments)
            if int(argument.get_direction()) == 0 and i not in lengths
            and argument.get_name() not in ('callback', 'user_data')]


def run(base, method, thing):
    name = method.get_name()
    if not name.endswith('_async'):
        return getattr(base, name)(thing, *make_values(method))
    outcomes = []
    getattr(base, name)(thing, *make_values(method), lambda _, outcome: outcomes.append(outcome))
    run_loop(lambda: outcomes)
    return getattr(base, name[:-len('async')] + 'finish')(thing, outcomes[0])


class Bare(MpCase):
    """With fatal criticals, as the tests run, the program would end if there were one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Mp.Queue().put(1)       # what queues share stays

    def make(self, name, cls):
        thing = GObject.new(cls.__gtype__)
        if name in FIRST:
            getattr(cls, FIRST[name])(thing)
        return thing

    def test_methods(self):
        n = 0
        for name, cls in list_classes():
            for base, method in list_methods(cls):
                n += 1
                with self.subTest(cls=name, method=method.get_name()):
                    thing = self.make(name, cls)
                    try:
                        run(base, method, thing)
                        error = None
                    except GLib.Error as failure:
                        error = failure
                    if name in OF_NOTHING and (method.can_throw_gerror() or method.get_name().endswith('_async')):
                        self.assertIsNotNone(error)
                        self.assertTrue(error.matches(Mp.error_quark(), Mp.Error.INVALID_STATE), error)
        self.assertGreater(n, 400)

    def test_properties(self):
        for name, cls in list_classes():
            thing = self.make(name, cls)
            for spec in GObject.list_properties(cls):
                if spec.flags & GObject.ParamFlags.READABLE:
                    with self.subTest(cls=name, property=spec.name):
                        thing.get_property(spec.name)

    def test_descriptions(self):
        for name, cls in list_classes():
            with self.subTest(cls=name):
                self.assertTrue(str(self.make(name, cls)).startswith(('<', 'Mp.')))


if __name__ == '__main__':
    unittest.main()
