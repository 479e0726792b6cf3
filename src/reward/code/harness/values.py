# Plain values as text, for the two processes of a function test. Whatever one side makes of an object, the other gets
# plain values rebuilt from their text, so no method of the sender's classes ever runs at the receiver.
#
# null, true, false, numbers and strings stand for themselves; everything else is a list [kind, ...].
import os

try:  # the two functions behind the module json, without the 6 ms that its import takes
    from _json import make_scanner as _make_scanner, make_encoder as _make_encoder, encode_basestring_ascii as _quote
except ImportError:
    _make_scanner = None


class Garbled(Exception):
    """The other side sent what it could not have sent by the rules."""


class _Grammar:
    strict = False
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__


def _refuse(value):
    raise TypeError(type(value).__name__)


if _make_scanner:
    _scan = _make_scanner(_Grammar())
    _encode = _make_encoder(None, _refuse, _quote, None, ":", ",", False, False, True)

    def to_text(tree):
        return "".join(_encode(tree, 0))

    def from_text(text):
        tree, end = _scan(text, 0)
        if text[end:].strip():
            raise ValueError("more than one value")
        return tree
else:
    import json

    def to_text(tree):
        return json.dumps(tree, separators=(",", ":"))

    from_text = json.loads

_LONGEST = 64 << 20
_DIRECT = 1 << 62  # larger integers travel in hexadecimal: decimal text has a limit and takes quadratic time

# Values of these types of the standard library are rebuilt as such, from plain parts.
_LIBRARY = {
    "Counter": ("collections", dict),
    "OrderedDict": ("collections", dict),
    "defaultdict": ("collections", dict),
    "deque": ("collections", list),
    "Decimal": ("decimal", str),
    "Fraction": ("fractions", str),
    "datetime": ("datetime", lambda t: [t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond]),
    "date": ("datetime", lambda d: [d.year, d.month, d.day]),
    "time": ("datetime", lambda t: [t.hour, t.minute, t.second, t.microsecond]),
    "timedelta": ("datetime", lambda t: [t.days, t.seconds, t.microseconds]),
    "array": ("array", lambda a: [a.typecode, list(a)]),
}
_TYPES = {t.__name__: t for t in (int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset,
                                  range, slice, object, type, type(None))}
_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


def describe_error(error):
    """[names of its classes, text, plain arguments]"""
    names = [c.__name__ for c in type(error).__mro__]
    try:
        arguments = [a if isinstance(a, (str, int, float, type(None))) else str(a) for a in error.args]
    except Exception:
        arguments = []
    return ["err", names, [a if type(a) in (str, float, type(None)) else str(a) for a in arguments]]


class Packer:
    """Values to trees. `reference(value)` packs what is not plain."""

    def __init__(self, reference):
        self.reference = reference

    def pack(self, v):
        t = type(v)
        if v is None or t is bool or t is str or t is float:
            return v
        if t is int:
            return v if -_DIRECT < v < _DIRECT else ["int", hex(v)]
        if t is list:
            return ["list", [self.pack(x) for x in v]]
        if t is tuple:
            return ["tuple", [self.pack(x) for x in v]]
        if t is dict:
            return ["dict", [[self.pack(k), self.pack(x)] for k, x in v.items()]]
        return self.pack_other(v, t)

    def pack_other(self, v, t):
        if t is set or t is frozenset:
            return [t.__name__, [self.pack(x) for x in v]]
        if t is bytes or t is bytearray:
            return [t.__name__, v.hex()]
        if t is complex:
            return ["complex", v.real, v.imag]
        if t is range:
            return ["range", self.pack(v.start), self.pack(v.stop), self.pack(v.step)]
        if v is Ellipsis or v is NotImplemented:
            return ["constant", repr(v)]
        if t in _VIEWS:
            return ["view", _VIEWS[t], [self.pack(x) for x in v]]
        if t is type and _TYPES.get(v.__name__) is v:
            return ["type", v.__name__]
        known = _LIBRARY.get(t.__name__)
        if known and t.__module__ == known[0]:
            return ["library", t.__name__, self.pack(known[1](v))]
        for base in t.__mro__[1:]:  # an int by another name is an int
            if base in (int, float, str, list, tuple, dict, set, frozenset, bytes, bytearray, complex):
                return self.pack(self.plain(v, base))
        return self.reference(v)

    @staticmethod
    def plain(v, base):
        if base is dict:
            return {k: dict.__getitem__(v, k) for k in dict.__iter__(v)}
        if base in (list, tuple, set, frozenset):
            return base(base.__iter__(v))
        if base is int:
            return int.__add__(v, 0)
        if base is float:
            return float.__add__(v, 0.0) if v == v else float("nan")
        if base is complex:
            return complex.__add__(v, 0j)
        return base.__str__(v) if base is str else base(memoryview(v))


class Unpacker:
    """Trees to values. `references[kind](arguments)` rebuilds what is not plain."""

    def __init__(self, references):
        self.references = references
        self.saw_nan = False

    def unpack(self, tree):
        t = type(tree)
        if t is not list:
            if t is dict:
                raise Garbled("an object")
            if t is float and tree != tree:
                self.saw_nan = True
            return tree
        kind = tree[0]
        if kind == "list":
            return [self.unpack(x) for x in tree[1]]
        if kind == "tuple":
            return tuple([self.unpack(x) for x in tree[1]])
        if kind == "dict":
            return {self.unpack(k): self.unpack(v) for k, v in tree[1]}
        return self.unpack_other(kind, tree)

    def unpack_other(self, kind, tree):
        if kind == "int":
            return int(tree[1], 16)
        if kind == "set" or kind == "frozenset":
            return _TYPES[kind]([self.unpack(x) for x in tree[1]])
        if kind == "bytes" or kind == "bytearray":
            return _TYPES[kind].fromhex(tree[1])
        if kind == "complex":
            return complex(self.unpack(tree[1]), self.unpack(tree[2]))
        if kind == "range":
            return range(*[self.unpack(x) for x in tree[1:4]])
        if kind == "constant":
            return {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[tree[1]]
        if kind == "view":
            items = [self.unpack(x) for x in tree[2]]
            if tree[1] == "items":
                return dict(items).items()
            return dict.fromkeys(items).keys() if tree[1] == "keys" else dict(enumerate(items)).values()
        if kind == "type":
            return _TYPES[tree[1]]
        if kind == "library":
            return self.unpack_library(tree[1], self.unpack(tree[2]))
        if kind in self.references:
            return self.references[kind](tree[1:])
        raise Garbled("the kind " + str(kind)[:20])

    @staticmethod
    def unpack_library(name, parts):
        made = getattr(__import__(_LIBRARY[name][0]), name)
        if name == "defaultdict":
            return made(None, parts)
        if name in ("Counter", "OrderedDict", "deque", "Decimal", "Fraction"):
            return made(parts)
        return made(*parts)


class Channel:
    """Lines of text over descriptor 0, a socket to the other process."""

    def __init__(self):
        self.input = open(0, "rb", buffering=1 << 16, closefd=False)

    def send(self, tree):
        data = memoryview((to_text(tree) + "\n").encode("ascii"))
        while data:
            data = data[os.write(0, data):]

    def receive(self):
        """The next message, or nothing when the other process is gone."""
        line = self.input.readline(_LONGEST)
        if not line.endswith(b"\n"):
            if line:
                raise Garbled("a message that is too long or cut off")
            return None
        try:
            return from_text(line.decode("ascii"))
        except (ValueError, StopIteration, RecursionError) as error:
            raise Garbled(type(error).__name__)
