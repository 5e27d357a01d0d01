# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""How the API may name things, so that no language trips over a name."""

import keyword
import re

from rules import rule

# What a language or its binding puts on every object besides the methods of
# GObject in the GIR.
OBJECT_METHODS = {
    'chain', 'connect', 'connect_after', 'connect_data', 'connect_object', 'connect_object_after',
    'disconnect', 'disconnect_by_func', 'emit', 'emit_stop_by_name', 'get_properties', 'handler_block',
    'handler_block_by_func', 'handler_disconnect', 'handler_is_connected', 'handler_unblock',
    'handler_unblock_by_func', 'notify', 'props', 'set_properties', 'stop_emission', 'weak_ref',
}

PYTHON_WORDS = set(keyword.kwlist)

JAVASCRIPT_WORDS = set('''
    arguments await break case catch class const constructor continue debugger default delete do else enum
    eval export extends false finally for function if implements import in instanceof interface let new null
    package private protected prototype public return static super switch this throw true try typeof var void
    while with yield'''.split())

# Those that no context makes a name; `get`, `set` and `value` are free.
VALA_WORDS = set('''
    abstract as async base break case catch class const construct continue default delegate delete do dynamic
    else ensures enum errordomain extern false finally for foreach global if in inline interface internal is
    lock namespace new null out override owned params private protected public ref requires return sealed
    signal sizeof static struct switch this throw throws true try typeof unlock unowned using var virtual void
    volatile weak while with yield'''.split())

CPP_WORDS = set('''
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class
    co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype
    default delete do double dynamic_cast else enum explicit export extern false float for friend goto if
    inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected
    public register reinterpret_cast requires return short signed sizeof static static_assert static_cast
    struct switch template this thread_local throw true try typedef typeid typename union unsigned using
    virtual void volatile wchar_t while xor xor_eq'''.split())


@rule
def binding_prefixes(library):
    """PyGObject and GJS give `do_` and `vfunc_` a meaning of their own: the parent's function would run."""
    for item in library.own.callables:
        if item.tag in ('method', 'function') and re.match('(do|vfunc)_', item.name):
            yield item.label, 'a method of this name would be taken for a virtual function'


@rule
def object_methods(library):
    """No method hides one of GObject or of an interface or parent of its own."""
    for item in library.own.objects:
        hidden = {name: 'every object' for name in OBJECT_METHODS}
        for name, ancestor in library.ancestors(item).items():
            for method in ancestor.members('method'):
                if method.get('introspectable') != '0' and method.get('shadowed-by') is None:
                    hidden[method.name] = name
        for method in item.members('method', 'function'):
            if method.name in hidden:
                yield method.label, f'hides the method of {hidden[method.name]}'


@rule
def one_name_one_thing(library):
    """Methods, properties and signals of a class and its parents share no name: in JavaScript they are one."""
    for item in library.own.objects:
        seen = {}
        family = [ancestor for name, ancestor in library.ancestors(item).items() if '.' not in name] + [item]
        for member in [member for one in family for member in one.members('method', 'property', 'signal')]:
            name = member.name.replace('-', '_')
            other = seen.setdefault(name, member)
            if other.tag != member.tag and item.name in (other.owner.name, member.owner.name):
                yield member.label, f'is a {member.tag}, and {other.label} is a {other.tag}'


@rule
def reserved_words(library):
    """Names that are words of a language need quoting there, or cannot be written at all."""
    everywhere = PYTHON_WORDS | JAVASCRIPT_WORDS | VALA_WORDS | CPP_WORDS
    for item in library.own.items:
        if item.tag in ('method', 'function') and item.name in everywhere:
            yield item.label, 'is a reserved word'
        if item.tag in ('property', 'signal') and item.name in PYTHON_WORDS | JAVASCRIPT_WORDS:
            yield item.label, 'is a reserved word'
        if item.is_callable:
            for parameter in item.parameters:
                # Headers are read by C++; Python can name arguments of constructors.
                if parameter.name in PYTHON_WORDS | CPP_WORDS:
                    yield parameter.label, 'is a reserved word'


@rule
def prefixes(library):
    """All types are Mp…, all functions mp_…, or mp_TYPE_… of their type."""
    for item in library.own.items:
        c_name = item.get('{http://www.gtk.org/introspection/c/1.0}identifier')
        if item.tag in ('method', 'function', 'constructor') and not c_name.startswith('mp_'):
            yield item.label, f'{c_name} does not begin with mp_'
    for item in library.own.types:
        if not item.get('{http://www.gtk.org/introspection/c/1.0}type', 'Mp').startswith('Mp'):
            yield item.label, 'does not begin with Mp'


@rule
def predicates(library):
    """Tries and predicates answer; they have no error."""
    for item in library.own.callables:
        if item.tag in ('method', 'function') and re.match('(is|has|try)_|poll$', item.name) and item.throws:
            yield item.label, 'is a try or a predicate and has a GError'
        if re.match('is_', item.name) and item.tag == 'method' and item.returns.type_name != 'gboolean':
            yield item.label, 'is a predicate that does not return a gboolean'


@rule
def property_names(library):
    """Properties are nouns or adjectives; is_x is the name of a method."""
    for item in library.own.items:
        if item.tag == 'property' and item.name.startswith('is-'):
            yield item.label, 'call the property x and the method is_x'
