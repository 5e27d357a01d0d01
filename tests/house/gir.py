# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Reads a GIR: the public API as every language but C sees it."""

import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'

CALLABLE_TAGS = {CORE + tag for tag in ('function', 'method', 'constructor', 'virtual-method', 'callback')}
CALLABLE_TAGS.add(GLIB + 'signal')
TYPE_TAGS = {CORE + tag for tag in ('class', 'interface', 'record', 'union', 'enumeration', 'bitfield')}
TYPE_TAGS.add(GLIB + 'boxed')
OTHER_TAGS = {CORE + tag for tag in ('constant', 'alias', 'function-macro', 'property')}

SEPARATORS = {CORE + 'property': ':', GLIB + 'signal': '::'}


class Item:
    """A public item: a type, a callable, a property, a signal, a constant or a macro."""

    def __init__(self, element, owner=None):
        self.element = element
        self.owner = owner
        self.name = element.get('name') or element.get(GLIB + 'name')
        self.tag = element.tag.rpartition('}')[2]

    @property
    def label(self):
        if self.owner is None:
            return self.name
        separator = SEPARATORS.get(self.element.tag, '.')
        vfunc = 'vfunc_' if self.tag == 'virtual-method' else ''
        return f'{self.owner.name}{separator}{vfunc}{self.name}'

    def get(self, attribute, default=None):
        return self.element.get(attribute, default)

    @property
    def is_callable(self):
        return self.element.tag in CALLABLE_TAGS

    @property
    def throws(self):
        return self.get('throws') == '1'

    @property
    def documented(self):
        return self.element.find(CORE + 'doc') is not None

    # The parts of a callable

    @property
    def parameters(self):
        """Without the instance: the numbers of closure, destroy and length count so too."""
        return [Part(self, element) for element in self.element.findall(f'{CORE}parameters/{CORE}parameter')]

    @property
    def returns(self):
        element = self.element.find(CORE + 'return-value')
        return None if element is None else Part(self, element)

    @property
    def parts(self):
        return self.parameters + ([self.returns] if self.returns is not None else [])

    # The parts of a type

    def members(self, *tags):
        wanted = [(GLIB if tag == 'signal' else CORE) + tag for tag in tags]
        return [Item(child, self) for child in self.element if child.tag in wanted and not is_duplicate(child)]

    def names_of(self, attribute_tag):
        return [child.get('name') for child in self.element.findall(CORE + attribute_tag)]


class Part:
    """A parameter, the return value, a property's value or a field: what has a type."""

    def __init__(self, item, element):
        self.item = item
        self.element = element
        self.name = element.get('name', 'the return value')

    @property
    def label(self):
        return f'{self.item.label}({self.name})'

    def get(self, attribute, default=None):
        return self.element.get(attribute, default)

    @property
    def direction(self):
        return self.get('direction', 'out' if self.element.tag == CORE + 'return-value' else 'in')

    @property
    def type(self):
        """The outermost <type>, <array> or <callback>, None for varargs."""
        for child in self.element:
            if child.tag in (CORE + 'type', CORE + 'array', CORE + 'callback'):
                return child
        return None

    @property
    def type_name(self):
        return None if self.type is None else self.type.get('name')

    @property
    def type_names(self):
        """With the names of all element types within."""
        if self.type is None:
            return []
        return [child.get('name') for child in self.type.iter() if child.get('name') and child.tag != CORE + 'doc']

    @property
    def has_varargs(self):
        return self.element.find(CORE + 'varargs') is not None


def is_duplicate(element):
    """A function of the namespace that stands once more as one of its type."""
    return element.get('moved-to') is not None


class Gir:
    def __init__(self, root):
        self.root = root
        self.namespace = root.find(CORE + 'namespace')

    @classmethod
    def from_file(cls, path):
        return cls(ElementTree.parse(path).getroot())

    @classmethod
    def from_string(cls, text):
        return cls(ElementTree.fromstring(text))

    @property
    def types(self):
        return [Item(element) for element in self.namespace if element.tag in TYPE_TAGS
                and element.get(GLIB + 'is-gtype-struct-for') is None]

    @property
    def objects(self):
        return [item for item in self.types if item.tag in ('class', 'interface')]

    @property
    def items(self):
        """Every public item, those of types right behind their type."""
        tags = TYPE_TAGS | CALLABLE_TAGS | OTHER_TAGS
        for element in self.namespace:
            if (element.tag not in tags or is_duplicate(element)
                    or element.get(GLIB + 'is-gtype-struct-for') is not None):
                continue
            item = Item(element)
            yield item
            if element.tag in TYPE_TAGS:
                for child in element:
                    if child.tag in tags and not is_duplicate(child):
                        yield Item(child, item)

    @property
    def callables(self):
        return [item for item in self.items if item.is_callable]

    @property
    def values(self):
        """Everything with a type: parameters, return values, properties and public fields."""
        for item in self.items:
            if item.is_callable:
                yield from item.parts
            elif item.tag == 'property':
                yield Part(item, item.element)
            elif item.tag in ('record', 'union', 'boxed'):
                for element in item.element.findall(CORE + 'field'):
                    if element.get('private') != '1':
                        yield Part(item, element)

    def find_type(self, name):
        for element in self.namespace:
            if element.tag in TYPE_TAGS and element.get('name') == name:
                return Item(element)
        return None


class Library:
    """The GIR that is checked, and those that it includes."""

    def __init__(self, own, **included):
        self.own = own
        self.included = included

    def find_type(self, name):
        """Returns the type of a name such as `Gio.ListModel` or, of our own, `Queue`."""
        namespace, _, short = name.rpartition('.')
        gir = self.included.get(namespace) if namespace else self.own
        return gir.find_type(short) if gir is not None else None

    def ancestors(self, item, namespace=''):
        """All types that an object is, itself left out: parents, interfaces and theirs."""
        names = [item.get('parent')] if item.get('parent') else []
        names += item.names_of('implements') + item.names_of('prerequisite')
        found = {}
        for name in names:
            full = name if '.' in name or not namespace else f'{namespace}.{name}'
            ancestor = self.find_type(full)
            if ancestor is not None and full not in found:
                found[full] = ancestor
                found.update(self.ancestors(ancestor, full.rpartition('.')[0]))
        return found
