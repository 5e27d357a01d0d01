# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Which shapes the API may have: those that Python, JavaScript and Vala survive."""

import re

from gir import C, CORE, GLIB
from rules import rule

NUMBERS = {'gint', 'guint', 'gint8', 'guint8', 'gint16', 'guint16', 'gint32', 'guint32', 'gint64', 'guint64',
           'glong', 'gulong', 'gsize', 'gssize', 'gfloat', 'gdouble', 'gboolean'}
ASYNC_READY = 'Gio.AsyncReadyCallback'


def in_parameters(item):
    return [parameter for parameter in item.parameters if parameter.direction == 'in']


def find_sibling(library, item, name):
    """Returns the callable of that name beside item: of the same type, or of the namespace."""
    for other in library.own.callables:
        same_owner = (other.owner.name if other.owner else None) == (item.owner.name if item.owner else None)
        if other.name == name and same_owner and other.tag not in ('virtual-method', 'signal'):
            return other
    return None


@rule
def included_header(library):
    """Vala writes the header's name into the C that it makes."""
    headers = [element.get('name') for element in library.own.root.findall(C + 'include')]
    packages = [element.get('name') for element in library.own.root.findall(CORE + 'package')]
    if headers != ['mpglib.h']:
        yield 'Mp', f'the GIR names the headers {headers}, not mpglib.h'
    if packages != ['mpglib-1']:
        yield 'Mp', f'the GIR names the packages {packages}, not mpglib-1'


@rule
def since(library):
    """Everything public says since when it is there."""
    for item in library.own.items:
        if re.fullmatch(r'\d+\.\d+', item.get('version', '')) is None:
            yield item.label, 'has no line such as `Since: 1.0`'


@rule
def documented(library):
    """Everything public has a doc comment, with a line for each parameter and for what is returned."""
    for item in library.own.items:
        if not item.documented:
            yield item.label, 'has no doc comment'
            continue
        for part in item.parts if item.is_callable else []:
            silent = part.type_name == 'none' or part.name == 'user_data'
            if not silent and part.element.find(CORE + 'doc') is None:
                yield part.label, 'has no line in the doc comment'


@rule
def introspectable(library):
    """g-ir-scanner leaves out silently what a language could not call."""
    for item in library.own.items:
        if item.get('introspectable') == '0':
            yield item.label, 'only C can use it'


@rule
def registered_types(library):
    """A type without a GType is a bare number or pointer in a language."""
    for item in library.own.types:
        if item.get(GLIB + 'get-type') is None and item.get('disguised') != '1':
            yield item.label, 'has no GType'
        if item.tag == 'union':
            yield item.label, 'is a union: its members are missing in Python and JavaScript'
        for field in item.element.findall(CORE + 'field'):
            if field.get('bits') is not None:
                yield item.label, f'{field.get("name")} is a bit field: Python and JavaScript read it wrongly'


@rule
def one_error_domain(library):
    """GJS and Vala bind the domain by itself if it is Mp.Error of mp-error-quark."""
    domains = {item.name: item.get(GLIB + 'error-domain') for item in library.own.types
               if item.get(GLIB + 'error-domain') is not None}
    if domains != {'Error': 'mp-error-quark'}:
        yield 'Mp', f'the error domains are {domains}'


@rule
def pointers(library):
    """A gpointer is a number in Python and null in JavaScript; only the data of a callback may be one."""
    for item in library.own.callables:
        closures = {int(parameter.get('closure')) for parameter in item.parameters
                    if parameter.get('closure') is not None}
        for index, parameter in enumerate(item.parameters):
            if index not in closures and {'gpointer', 'gconstpointer'} & set(parameter.type_names):
                yield parameter.label, 'is a gpointer'
        if item.returns is not None and {'gpointer', 'gconstpointer'} & set(item.returns.type_names):
            yield item.returns.label, 'is a gpointer; return a guintptr'
    for part in library.own.values:
        if part.item.is_callable:
            continue
        if {'gpointer', 'gconstpointer'} & set(part.type_names):
            yield part.label, 'is a gpointer'


@rule
def pointers_to_numbers(library):
    """An array without a length is one number in a language."""
    for part in library.own.values:
        if (part.item.is_callable and part.direction == 'in' and part.type_name in NUMBERS
                and '*' in part.type.get(C + 'type', '')):
            yield part.label, 'is a pointer to numbers: annotate `(array length=…)`'


@rule
def array_lengths(library):
    """An array has a length beside it, or ends with a zero because it holds pointers."""
    for part in library.own.values:
        for array in [] if part.type is None else part.type.iter(CORE + 'array'):
            if array.get('name') is not None or array.get('length') is not None:
                continue
            if array.get('fixed-size') is not None:
                continue
            element = array.find(CORE + 'type')
            if array.get('zero-terminated') == '0' or (element is not None and element.get('name') in NUMBERS):
                yield part.label, 'is an array without a length'


@rule
def callback_data(library):
    """A callback without user data crashes GJS and cannot be called from Python."""
    for item in library.own.callables:
        if item.tag == 'callback' and not any(parameter.get('closure') is not None
                                              for parameter in item.parameters):
            yield item.label, 'has no user_data'


@rule
def callback_errors(library):
    """An exception in a language's function needs a GError to arrive in."""
    for item in library.own.callables:
        if item.tag == 'callback' and not item.throws:
            yield item.label, 'has no GError'


@rule
def callback_scopes(library):
    """What is kept needs a destroy notify; only GAsyncReadyCallback is called once, later."""
    callbacks = {item.name for item in library.own.callables if item.tag == 'callback'} | {ASYNC_READY}
    for item in library.own.callables:
        for parameter in item.parameters:
            if parameter.type_name not in callbacks:
                continue
            scope = parameter.get('scope')
            if parameter.get('closure') is None:
                yield parameter.label, 'has no (closure)'
            if scope == 'notified' and parameter.get('destroy') is None:
                yield parameter.label, 'is kept without a GDestroyNotify'
            if (parameter.type_name == ASYNC_READY) != (scope == 'async') or scope not in (
                    'async', 'call', 'notified'):
                yield parameter.label, f'has the scope {scope}'


@rule
def containers(library):
    """Python aborts on a GPtrArray or GHashTable that is handed over with a free function."""
    for part in library.own.values:
        if 'GLib.HashTable' in part.type_names:
            yield part.label, 'is a GHashTable; use a GVariant of type a{sv}'
        if part.type_name in ('GLib.PtrArray', 'GLib.Array') and part.get('transfer-ownership') == 'full':
            yield part.label, 'is a GPtrArray, transfer full; use transfer container or an array'


@rule
def generic_values(library):
    """GValue is useless in Python for bytes, lists and large numbers."""
    for part in library.own.values:
        if 'GObject.Value' in part.type_names:
            yield part.label, 'is a GValue; use a GVariant'


@rule
def variable_arguments(library):
    """Only C and Vala see a function with variable arguments, so it has a twin."""
    for item in library.own.callables:
        if any(parameter.has_varargs for parameter in item.parameters):
            if item.get('shadowed-by') is None and find_sibling(library, item, item.name + 'v') is None:
                yield item.label, 'has variable arguments and no twin'


@rule
def caller_allocates(library):
    """Python loses the size of a buffer to fill, and JavaScript cannot pass one."""
    for part in library.own.values:
        if part.get('caller-allocates') == '1':
            yield part.label, 'is filled in the room of the caller'
        if part.get('direction') == 'inout':
            yield part.label, 'goes in and out'


@rule
def error_or_value(library):
    """A gboolean with an error beside a value makes Python and JavaScript return a pair."""
    for item in library.own.callables:
        outs = [parameter for parameter in item.parameters if parameter.direction == 'out']
        if item.throws and outs and item.returns is not None and item.returns.type_name == 'gboolean':
            yield item.label, 'return the value itself, NULL with an error'


@rule
def variants_returned(library):
    """A floating GVariant is freed twice or never, so each comes with a reference of its own."""
    for item in library.own.callables:
        if item.returns is not None and item.returns.type_name == 'GLib.Variant':
            if item.tag not in ('callback', 'virtual-method') and item.returns.get('transfer-ownership') != 'full':
                yield item.label, 'return a GVariant with (transfer full)'


@rule
def construction(library):
    """Constructing never fails, and takes nothing that is not a property."""
    for item in library.own.callables:
        if item.tag == 'constructor' and item.throws:
            yield item.label, 'a constructor has no GError'
    for item in library.own.objects:
        family = [item] + list(library.ancestors(item).values())
        settable = {member.name.replace('-', '_') for one in family for member in one.members('property')
                    if member.get('writable') == '1'}
        for constructor in item.members('constructor'):
            for parameter in constructor.parameters if constructor.name == 'new' else []:
                if parameter.name not in settable:
                    yield parameter.label, 'is no construct property'


@rule
def main_context(library):
    """An object that emits signals says in which main context."""
    for item in library.own.objects:
        family = [item] + [ancestor for name, ancestor in library.ancestors(item).items() if '.' not in name]
        properties = {member.name for one in family for member in one.members('property')}
        if item.tag == 'class' and item.members('signal') and 'main-context' not in properties:
            yield item.label, 'has signals and no property main-context'


@rule
def printable(library):
    """Every class tells what it is: str in Python, toString in JavaScript."""
    for item in library.own.objects:
        family = [item] + [ancestor for name, ancestor in library.ancestors(item).items() if '.' not in name]
        if item.tag == 'class' and not any(method.name == 'to_string'
                                           for one in family for method in one.members('method')):
            yield item.label, 'has no to_string'


@rule
def async_pairs(library):
    """PyGObject, GJS and Vala find the halves by name and call them by this shape."""
    for item in library.own.callables:
        if item.tag in ('virtual-method', 'signal', 'callback'):
            continue
        if item.name.endswith('_async'):
            types = [parameter.type_name for parameter in item.parameters]
            if types[-3:] != ['Gio.Cancellable', ASYNC_READY, 'gpointer']:
                yield item.label, 'does not end with cancellable, callback, user_data'
            if item.throws or (item.returns is not None and item.returns.type_name != 'none'):
                yield item.label, 'returns something or has a GError, which belong to its finish'
            if find_sibling(library, item, item.name[:-len('async')] + 'finish') is None:
                yield item.label, 'has no finish'
        elif item.name.endswith('_finish'):
            types = [parameter.type_name for parameter in in_parameters(item)]
            if types != ['Gio.AsyncResult'] or not item.throws:
                yield item.label, 'takes something else than a result and an error'
            if find_sibling(library, item, item.name[:-len('finish')] + 'async') is None:
                yield item.label, 'has no async'
        elif any(parameter.type_name == ASYNC_READY for parameter in item.parameters):
            yield item.label, 'takes a GAsyncReadyCallback and is not called x_async'


def signature(item, last):
    parameters = in_parameters(item)
    return [(parameter.name, parameter.type_name) for parameter in parameters[:len(parameters) - last]]


@rule
def timeouts(library):
    """A timeout is a double of seconds; what waits has an asynchronous twin with the same arguments."""
    for item in library.own.callables:
        timeout = [parameter for parameter in item.parameters if parameter.name == 'timeout']
        for parameter in timeout:
            if parameter.type_name != 'gdouble':
                yield parameter.label, 'is no gdouble'
        if not timeout or item.tag not in ('method', 'function') or item.name.endswith('_async'):
            continue
        if not item.throws:
            yield item.label, 'waits and has no GError'
        cancellable = [parameter.type_name for parameter in in_parameters(item)][-1:] == ['Gio.Cancellable']
        if not cancellable:
            yield item.label, 'waits and does not end with a GCancellable'
        twin = find_sibling(library, item, item.name + '_async')
        finish = find_sibling(library, item, item.name + '_finish')
        if twin is None:
            yield item.label, 'waits and has no asynchronous twin'
        elif signature(item, 1 if cancellable else 0) != signature(twin, 3):
            yield item.label, 'has other arguments than its asynchronous twin'
        elif finish is not None and finish.returns.type_name != item.returns.type_name:
            yield item.label, 'returns another type than its asynchronous twin'
