# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Each rule over the API is silent about a good namespace and speaks up about a bad one."""

import unittest
from xml.sax.saxutils import quoteattr

import naming_rules  # noqa: F401  registers its rules
import shape_rules  # noqa: F401
from gir import Gir, Library
from rules import RULES, complaints, read_allowed

SPACES = ('xmlns="http://www.gtk.org/introspection/core/1.0" xmlns:c="http://www.gtk.org/introspection/c/1.0"'
          ' xmlns:glib="http://www.gtk.org/introspection/glib/1.0"')


def element(tag, *children, **attributes):
    """`glib_error_domain='x'` stands for glib:error-domain="x"."""
    names = {key: key.replace('_', '-') for key in attributes}
    for key in attributes:
        for space in ('glib', 'c'):
            if key.startswith(space + '_'):
                names[key] = space + ':' + key[len(space) + 1:].replace('_', '-')
    text = ''.join(f' {names[key]}={quoteattr(value)}' for key, value in attributes.items() if value is not None)
    return f'<{tag}{text}>{"".join(children)}</{tag}>'


DOC = element('doc', 'it is documented')


def item(tag, name, *children, doc=DOC, version='1.0', **attributes):
    return element(tag, doc, *children, name=name, version=version, **attributes)


def kind(name, c_type=None):
    return element('type', name=name, c_type=c_type)


def parameter(name, of, doc=DOC, **attributes):
    return element('parameter', doc, kind(of) if not of.startswith('<') else of, name=name, **attributes)


def returns(of='none', doc=DOC, **attributes):
    return element('return-value', doc, kind(of) if not of.startswith('<') else of, **attributes)


def call(tag, name, *parameters, to=returns(), **attributes):
    attributes.setdefault('c_identifier', 'mp_' + name)
    return item(tag, name, to, element('parameters', *parameters), **attributes)


def method(name, *parameters, **attributes):
    return call('method', name, *parameters, **attributes)


def function(name, *parameters, **attributes):
    return call('function', name, *parameters, **attributes)


def thing(*children, name='Thing', tag='class', **attributes):
    """A class that keeps all rules, with what is given."""
    children = (method('to_string', to=returns('utf8')),) + children if tag == 'class' else children
    return item(tag, name, *children, **{'c_type': 'Mp' + name, 'glib_get_type': 'mp_x_get_type',
                                         'parent': 'GObject.Object' if tag == 'class' else None, **attributes})


TIMEOUT = parameter('timeout', 'gdouble')
CANCELLABLE = parameter('cancellable', 'Gio.Cancellable')
USER_DATA = parameter('user_data', 'gpointer')


def ready(closure):
    return parameter('callback', 'Gio.AsyncReadyCallback', scope='async', closure=str(closure))


FINISH_RESULT = parameter('result', 'Gio.AsyncResult')
ERROR = item('enumeration', 'Error', c_type='MpError', glib_get_type='mp_error_get_type',
             glib_error_domain='mp-error-quark')


def repository(*children, error=ERROR, header='mpglib.h', package='mpglib-1'):
    return (f'<repository {SPACES}>' + element('package', name=package) + element('c:include', name=header)
            + element('namespace', error, *children, name='Mp') + '</repository>')


GOBJECT = Gir.from_string(f'<repository {SPACES}>' + element('namespace', element(
    'class', method('get_data'), method('set', introspectable='0'), name='Object')) + '</repository>')
GIO = Gir.from_string(f'<repository {SPACES}>' + element('namespace', element(
    'interface', method('get_item'), name='ListModel')) + '</repository>')


def check(text, allowed=()):
    return list(complaints(Library(Gir.from_string(text), GObject=GOBJECT, Gio=GIO), read_allowed(allowed)))


BYTES = element('array', kind('guint8'), length='1', zero_terminated='0')
BARE_BYTES = element('array', kind('guint8'), zero_terminated='0')
PTR_ARRAY = element('array', kind('Thing'), name='GLib.PtrArray')

GOOD = repository(
    thing(
        item('property', 'max-size', kind('guint'), writable='1'),
        item('property', 'main-context', kind('GLib.MainContext'), writable='1'),
        item('glib:signal', 'item-available', returns()),
        call('constructor', 'new', parameter('max_size', 'guint')),
        # The varargs method of that name hides nothing.
        method('set'),
        method('is_empty', to=returns('gboolean')),
        method('put_data', parameter('data', BYTES), parameter('length', 'gsize'), TIMEOUT, CANCELLABLE,
               to=returns('gboolean'), throws='1'),
        method('put_data_async', parameter('data', BYTES), parameter('length', 'gsize'), TIMEOUT, CANCELLABLE,
               ready(5), USER_DATA),
        method('put_data_finish', FINISH_RESULT, to=returns('gboolean'), throws='1'),
        method('get', TIMEOUT, CANCELLABLE, to=returns('GLib.Variant', transfer_ownership='full'), throws='1'),
        method('get_async', TIMEOUT, CANCELLABLE, ready(3), USER_DATA),
        method('get_finish', FINISH_RESULT, to=returns('GLib.Variant', transfer_ownership='full'), throws='1'),
        method('get_workers', to=returns(PTR_ARRAY, transfer_ownership='container')),
        name='Queue'),
    call('callback', 'Func', parameter('user_data', 'gpointer', closure='0'), c_identifier=None, throws='1'),
    function('register_target', parameter('func', 'Func', scope='notified', closure='1', destroy='2'), USER_DATA,
             parameter('notify', 'GLib.DestroyNotify')),
    function('register_targets', element('parameter', element('varargs'), DOC, name='...'),
             shadowed_by='register_targetsv'),
    function('register_targetsv'),
)

# rule: (label that it names, a namespace with just that breach)
BAD = {
    'array-lengths': ('put(data)', repository(function('put', parameter('data', BARE_BYTES)))),
    'async-pairs': ('Thing.wait_async', repository(thing(
        method('wait_async', CANCELLABLE, ready(2), USER_DATA)))),
    'binding-prefixes': ('Thing.do_run', repository(thing(method('do_run')))),
    'callback-data': ('Func', repository(call('callback', 'Func', throws='1'))),
    'callback-errors': ('Func', repository(call('callback', 'Func',
                                                parameter('user_data', 'gpointer', closure='0')))),
    'callback-scopes': ('call(func)', repository(
        call('callback', 'Func', parameter('user_data', 'gpointer', closure='0'), throws='1'),
        function('call', parameter('func', 'Func', scope='notified', closure='1'), USER_DATA))),
    'caller-allocates': ('fill(buffer)', repository(function(
        'fill', parameter('buffer', 'utf8', direction='out', caller_allocates='1')))),
    'construction': ('Thing.new(size)', repository(thing(call('constructor', 'new', parameter('size', 'guint'))))),
    'containers': ('list(the return value)', repository(thing(), function(
        'list', to=returns(PTR_ARRAY, transfer_ownership='full')))),
    'documented': ('run(speed)', repository(function('run', parameter('speed', 'guint', doc='')))),
    'error-or-value': ('get', repository(function('get', parameter('value', 'gint', direction='out'),
                                                  to=returns('gboolean'), throws='1'))),
    'generic-values': ('set(value)', repository(function('set', parameter('value', 'GObject.Value')))),
    'included-header': ('Mp', repository(header='Mp-1.0.h')),
    'introspectable': ('run', repository(function('run', introspectable='0'))),
    'main-context': ('Thing', repository(thing(item('glib:signal', 'finished', returns())))),
    'object-methods': ('Thing.get_item', repository(thing(
        element('implements', name='Gio.ListModel'), method('get_item')))),
    'one-error-domain': ('Mp', repository(error=item(
        'enumeration', 'QueueError', c_type='MpQueueError', glib_get_type='mp_queue_error_get_type',
        glib_error_domain='mp-queue-error-quark'))),
    'one-name-one-thing': ('Thing:closed', repository(thing(
        method('closed'), item('property', 'closed', kind('gboolean'))))),
    'pointers': ('run(data)', repository(function('run', parameter('data', 'gpointer')))),
    'pointers-to-numbers': ('run(values)', repository(function(
        'run', parameter('values', kind('gint', c_type='const gint*'))))),
    'predicates': ('Thing.try_acquire', repository(thing(
        method('try_acquire', to=returns('gboolean'), throws='1')))),
    'prefixes': ('run', repository(function('run', c_identifier='xmp_run'))),
    'printable': ('Thing', repository(thing().replace('to_string', 'to_text'))),
    'property-names': ('Thing:is-closed', repository(thing(item('property', 'is-closed', kind('gboolean'))))),
    'registered-types': ('Info', repository(thing(tag='record', name='Info', glib_get_type=None))),
    'reserved-words': ('Thing.import', repository(thing(method('import')))),
    'since': ('run', repository(function('run', version=''))),
    'timeouts': ('Thing.join', repository(thing(method('join', TIMEOUT, CANCELLABLE, throws='1')))),
    'variable-arguments': ('run', repository(function(
        'run', element('parameter', element('varargs'), DOC, name='...')))),
    'variants-returned': ('get', repository(function(
        'get', to=returns('GLib.Variant', transfer_ownership='none')))),
}

# Further breaches of rules that have several sides.
MORE = [
    ('async-pairs', 'Thing.wait_async', repository(thing(
        method('wait_async', ready(1), USER_DATA),
        method('wait_finish', FINISH_RESULT, throws='1')))),
    ('async-pairs', 'Thing.wait_finish', repository(thing(
        method('wait_async', CANCELLABLE, ready(2), USER_DATA),
        method('wait_finish', FINISH_RESULT)))),
    ('async-pairs', 'Thing.wait_finish', repository(thing(method('wait_finish', FINISH_RESULT, throws='1')))),
    ('async-pairs', 'Thing.wait', repository(thing(method('wait', CANCELLABLE, ready(2), USER_DATA)))),
    ('callback-scopes', 'run(func)', repository(
        call('callback', 'Func', parameter('user_data', 'gpointer', closure='0'), throws='1'),
        function('run', parameter('func', 'Func', scope='forever', closure='1'), USER_DATA))),
    ('callback-scopes', 'run(func)', repository(
        call('callback', 'Func', parameter('user_data', 'gpointer', closure='0'), throws='1'),
        function('run', parameter('func', 'Func', scope='call')))),
    ('caller-allocates', 'init(argc)', repository(function('init', parameter('argc', 'gint', direction='inout')))),
    ('construction', 'Thing.new', repository(thing(call('constructor', 'new', throws='1')))),
    ('containers', 'set(values)', repository(function('set', parameter('values', 'GLib.HashTable')))),
    ('documented', 'run', repository(function('run', doc=''))),
    ('documented', 'run(the return value)', repository(function('run', to=returns('gint', doc='')))),
    ('documented', 'Thing:size', repository(thing(item('property', 'size', kind('gint'), doc='')))),
    ('included-header', 'Mp', repository(package='mpglib')),
    ('object-methods', 'Thing.connect', repository(thing(method('connect')))),
    ('object-methods', 'Thing.get_data', repository(thing(method('get_data')))),
    ('object-methods', 'Child.run', repository(
        thing(method('run')), thing(method('run'), name='Child', parent='Thing').replace('to_string', 'text'))),
    ('one-name-one-thing', 'Child:run', repository(
        thing(method('run')),
        item('class', 'Child', item('property', 'run', kind('gint')), c_type='MpChild', parent='Thing',
             glib_get_type='mp_child_get_type'))),
    ('one-name-one-thing', 'Thing::state', repository(thing(
        item('property', 'main-context', kind('GLib.MainContext')),
        item('property', 'state', kind('gint')), item('glib:signal', 'state', returns())))),
    ('pointers', 'Info(data)', repository(thing(element('field', kind('gpointer'), name='data'), tag='record',
                                                name='Info'))),
    ('pointers', 'get(the return value)', repository(function('get', to=returns('gpointer')))),
    ('registered-types', 'Info', repository(thing(tag='union', name='Info'))),
    ('registered-types', 'Info', repository(thing(element('field', kind('guint'), name='flag', bits='1'),
                                                  tag='record', name='Info'))),
    ('reserved-words', 'run(class)', repository(function('run', parameter('class', 'gint')))),
    ('since', 'Thing:size', repository(thing(item('property', 'size', kind('gint'), version='')))),
    ('since', 'Thing::gone', repository(thing(
        item('property', 'main-context', kind('GLib.MainContext')),
        item('glib:signal', 'gone', returns(), version='')))),
    ('since', 'Thing.vfunc_run', repository(thing(call('virtual-method', 'run', version='')))),
    ('timeouts', 'join(timeout)', repository(function('join', parameter('timeout', 'gint64'), CANCELLABLE,
                                                      throws='1'))),
    ('timeouts', 'Thing.join', repository(thing(
        method('join', TIMEOUT, parameter('hard', 'gboolean'), CANCELLABLE, throws='1'),
        method('join_async', TIMEOUT, CANCELLABLE, ready(3), USER_DATA),
        method('join_finish', FINISH_RESULT, throws='1')))),
    ('timeouts', 'Thing.join', repository(thing(
        method('join', TIMEOUT, CANCELLABLE, throws='1', to=returns('gint')),
        method('join_async', TIMEOUT, CANCELLABLE, ready(3), USER_DATA),
        method('join_finish', FINISH_RESULT, throws='1', to=returns('gboolean'))))),
    ('timeouts', 'Thing.join', repository(thing(
        method('join', TIMEOUT, throws='1'),
        method('join_async', TIMEOUT, CANCELLABLE, ready(3), USER_DATA),
        method('join_finish', FINISH_RESULT, throws='1')))),
]


class ApiRules(unittest.TestCase):
    maxDiff = None

    def test_good_namespace_has_no_complaint(self):
        self.assertEqual(check(GOOD), [])

    def test_each_rule_has_a_breach_here(self):
        self.assertEqual(sorted(BAD), sorted(RULES))

    def test_each_breach_is_found(self):
        for rule, label, text in [(rule, *rest) for rule, rest in BAD.items()] + MORE:
            with self.subTest(rule=rule, label=label):
                found = check(text)
                self.assertTrue(any(line.startswith(f'{rule} {label}: ') for line in found), found)

    def test_main_breach_is_the_only_one(self):
        for rule, (label, text) in BAD.items():
            with self.subTest(rule=rule):
                self.assertEqual([line.split()[0] for line in check(text)], [rule])

    def test_allowed_breach_is_silent_and_idle_allowance_is_not(self):
        label, text = BAD['binding-prefixes']
        allowed = ['# why', f'binding-prefixes {label} because this test wants it']
        self.assertEqual(check(text, allowed), [])
        self.assertIn('is allowed in the list', check(GOOD, allowed)[0])


if __name__ == '__main__':
    unittest.main()
