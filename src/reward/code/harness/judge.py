# Runs the tests. The program under test lives in another box; what the tests see of it are plain values rebuilt here and
# `Remote` stand-ins, whose methods are ours. The verdict goes to standard output behind a token that only this box knows.
import _ast as ast  # the classes of the module ast, without the 6 ms that its import takes
import builtins
import sys
import time

_ONLY_TREE = 0x400  # ast.PyCF_ONLY_AST


class Gone(BaseException):
    """The program has ended, or broke the rules: no test can pass any more."""


class Stop(Exception):
    """The tests themselves are at fault."""


# What a name of the program may stand for in the tests when the program took it from the standard library.
_FUNCTION_MODULES = {"math", "cmath", "operator", "_operator", "itertools", "functools", "_functools", "collections",
                     "heapq", "_heapq", "bisect", "_bisect", "string", "random", "copy", "re", "statistics",
                     "fractions", "decimal", "datetime", "typing"}

_LIBRARY_MODULES = getattr(sys, "stdlib_module_names", _FUNCTION_MODULES)  # from Python 3.10


class Module:
    """A module of the standard library, named by the program. Only a name of the tests turns into the module itself."""

    def __init__(self, name):
        self.name = str(name)


class Judge:
    def __init__(self, channel, task):
        self.channel = channel
        self.gone = None
        self.lent = []  # functions of the tests that the program may call
        self.errors = {}  # exception classes of the program, by name
        self.made = set()  # handles of objects that the tests made from the program's classes
        words = "".join(c if c.isalnum() else " " for c in task["all_text"].lower()).split()
        self.nan_allowed = "nan" in words or "isnan" in words
        self.packer = Packer(self.refer)
        self.unpacker = Unpacker({"object": self.remote, "module": lambda a: Module(a[0]), "error": self.error_value})

    # What travels

    def refer(self, value):
        if isinstance(value, Remote):
            return ["object", object.__getattribute__(value, "_handle")]
        if isinstance(value, type) and issubclass(value, BaseException) and value in self.errors.values():
            return ["object", value._handle]
        if isinstance(value, (map, filter, zip, reversed, enumerate)) or hasattr(type(value), "__next__"):
            from itertools import islice
            return ["iterator", [self.packer.pack(x) for x in islice(value, 100000)]]
        module = getattr(value, "__module__", None)
        if module in ("builtins", *_FUNCTION_MODULES) and hasattr(value, "__qualname__"):
            return ["function", module, value.__qualname__]
        if callable(value):
            self.lent.append(value)
            return ["judge", len(self.lent) - 1]
        raise TypeError("the tests pass an object that cannot travel: " + type(value).__name__)

    def remote(self, arguments):
        handle, kind, name, extra = arguments[:4]
        if type(handle) is not int or type(kind) is not str or type(name) is not str:
            raise Garbled("a reference")
        if kind == "class" and extra:
            return self.error_class(name, extra, handle)
        return Remote(self, handle, kind, name)

    def error_class(self, name, names, handle=-1):
        for base in names:
            found = getattr(builtins, str(base), None)
            if isinstance(found, type) and issubclass(found, Exception):
                break
        else:
            found = Exception
        if found.__name__ == name or not names:
            return found
        if (name, found) not in self.errors:
            self.errors[name, found] = type(str(name), (found,), {"_handle": handle})
        return self.errors[name, found]

    def error_value(self, arguments):
        names, parts = arguments
        kind = self.error_class(names[0], names)
        error = kind.__new__(kind)
        error.args = tuple(str(p) if type(p) not in (str, float) else p for p in parts)
        return error

    # The conversation

    def lose(self, reason):
        if not self.gone and reason == "the program left":
            time.sleep(0.3)  # the sandbox stops the program when this box ends, and its own end says more
        self.gone = self.gone or reason
        raise Gone(reason)

    def ask(self, what, *values):
        if self.gone:
            raise Gone(self.gone)
        packed = [self.packer.pack(v) for v in values]
        try:
            self.channel.send([what] + packed)
            return self.take_answer(what, values)
        except (OSError, Garbled) as error:
            self.lose("the program left" if isinstance(error, OSError) else "the program sends " + str(error))
        except (TypeError, IndexError, KeyError, ValueError, AttributeError, RecursionError, OverflowError,
                ArithmeticError, ImportError) as error:
            if getattr(error, "_from_program", False):
                raise
            self.lose("the program sends what is no answer")

    def take_answer(self, what, values):
        while True:
            reply = self.channel.receive()
            if reply is None:
                self.lose("the program left")
            kind = reply[0]
            if kind == "ok":
                self.unpacker.saw_nan = False
                result = self.unpacker.unpack(reply[1])
                if self.unpacker.saw_nan and not self.nan_allowed:
                    raise self.from_program(AssertionError("the result holds a NaN, which no test mentions"))
                if len(reply) > 2:
                    self.restore(list(values), [self.unpacker.unpack(x) for x in reply[2]])
                return result
            if kind == "err":
                error = self.error_value(reply[1:])
                if isinstance(error, (StopIteration, StopAsyncIteration)) and what != "next":
                    error = RuntimeError("the program raised " + type(error).__name__)  # it would end the tests' loops
                raise self.from_program(error)
            if kind == "callback":
                self.lend(reply)
            elif kind in ("does not compile", "fails"):
                self.lose(kind + ": " + str(reply[1])[:300])
            else:
                raise Garbled("an unknown answer")

    @staticmethod
    def from_program(error):
        error._from_program = True
        return error

    def lend(self, request):
        function = self.lent[request[1]]
        positional, named = self.unpacker.unpack(request[2]), self.unpacker.unpack(request[3])
        try:
            result = ["result", self.packer.pack(function(*positional, **named))]
        except Exception as error:
            text = describe_error(error)
            result = ["raise", text[1], [str(error)]]
        self.channel.send(result)

    def restore(self, old, new):
        """Gives containers that the program changed their new contents, in place."""
        if type(old) is not type(new):
            return new
        if type(old) in (list, tuple):
            items = [self.restore(o, n) for o, n in zip(old, new)] + list(new[len(old):])
            if type(old) is tuple:
                return old if len(old) == len(new) else new
            old[:] = items
        elif type(old) is dict:
            items = {k: self.restore(old[k], v) if k in old else v for k, v in new.items()}
            old.clear()
            old.update(items)
        elif type(old) is set:
            old.clear()
            old.update(new)
        elif type(old) is bytearray:
            old[:] = new
        else:
            return new
        return old


def _handle_of(remote):
    return object.__getattribute__(remote, "_handle")


def _judge_of(remote):
    return object.__getattribute__(remote, "_judge")


class Remote:
    """An object of the program. It is equal to nothing but itself, as far as plain values go: what the program's own
    methods would say about an expected value is no evidence. Objects that the tests made themselves from a class of the
    program keep their operators, because there these are what is tested."""
    __slots__ = ("_judge", "_handle", "_kind", "_name")

    def __init__(self, judge, handle, kind, name):
        for slot, value in zip(Remote.__slots__, (judge, handle, kind, name)):
            object.__setattr__(self, slot, value)

    def __call__(self, *positional, **named):
        judge = _judge_of(self)
        result = judge.ask("call", self, list(positional), named)
        if object.__getattribute__(self, "_kind") == "class" and isinstance(result, Remote):
            judge.made.add(_handle_of(result))
        return result

    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__name__", "__doc__"):
            raise AttributeError(name)
        return _judge_of(self).ask("getattr", self, name)

    def __setattr__(self, name, value):
        _judge_of(self).ask("setattr", self, name, value)

    def __delattr__(self, name):
        _judge_of(self).ask("delattr", self, name)

    def __iter__(self):
        iterator = _judge_of(self).ask("iter", self)
        if not isinstance(iterator, Remote):
            return iter(iterator)
        return iterator

    def __next__(self):
        return _judge_of(self).ask("next", self)

    def __len__(self):
        return _judge_of(self).ask("len", self)

    def __bool__(self):
        return _judge_of(self).ask("bool", self) is True

    def __getitem__(self, key):
        return _judge_of(self).ask("operate", "__getitem__", self, key)

    def __setitem__(self, key, value):
        _judge_of(self).ask("operate", "__setitem__", self, key, value)

    def __delitem__(self, key):
        _judge_of(self).ask("operate", "__delitem__", self, key)

    def __instancecheck__(self, value):
        return isinstance(value, Remote) and _judge_of(self).ask("isinstance", value, self) is True

    def __enter__(self):
        return _judge_of(self).ask("operate", "__enter__", self)

    def __exit__(self, *error):
        return _judge_of(self).ask("operate", "__exit__", self, None, None, None)

    def __contains__(self, value):
        if _handle_of(self) in _judge_of(self).made:
            return _judge_of(self).ask("operate", "__contains__", self, value) is True
        return any(value is x or value == x for x in self)

    def __eq__(self, other):
        if not isinstance(other, Remote):
            return False
        if _handle_of(self) == _handle_of(other):
            return True
        made = _judge_of(self).made
        if _handle_of(self) in made or _handle_of(other) in made:
            return _judge_of(self).ask("operate", "__eq__", self, other) is True
        return False

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(("remote", _handle_of(self)))

    def __repr__(self):
        if _handle_of(self) in _judge_of(self).made:
            return str(_judge_of(self).ask("operate", "__repr__", self))
        return "<%s of the program>" % object.__getattribute__(self, "_name")

    def __str__(self):
        if _handle_of(self) in _judge_of(self).made:
            return str(_judge_of(self).ask("operate", "__str__", self))
        return repr(self)


def _operator(name):
    def operate(self, *rest):
        if _handle_of(self) not in _judge_of(self).made:
            return NotImplemented
        return _judge_of(self).ask("operate", name, self, *rest)
    return operate


for _name in ("add sub mul truediv floordiv mod pow matmul and or xor lshift rshift "
              "radd rsub rmul rtruediv rfloordiv rmod rpow lt le gt ge").split():
    setattr(Remote, "__%s__" % _name, _operator("__%s__" % _name))
for _name in ("neg", "abs", "invert"):
    setattr(Remote, "__%s__" % _name, lambda self, _n="__%s__" % _name: _unary(self, _n))


def _unary(self, name):
    result = _operator(name)(self)
    if result is NotImplemented:
        raise TypeError("an object of the program is no number")
    return result


class Names(dict):
    """The global names of the tests: their own, then the program's, then the built-in ones. The program's definitions do
    not replace built-in functions or modules that the tests use as such, or it could bend the tests."""

    def __init__(self, judge, own_builtins, attribute_names):
        super().__init__(__builtins__=builtins, __name__="tests")
        self._judge = judge
        self._own = own_builtins
        self._attributes = attribute_names
        self._functions = {}

    def __missing__(self, name):
        if name in self._functions:
            return self._functions[name]
        if name.startswith("__") or (hasattr(builtins, name) and name not in self._own):
            raise KeyError(name)
        try:
            value = self._judge.ask("name", name)
        except NameError:
            raise KeyError(name) from None
        if name in self._attributes and name in _LIBRARY_MODULES:
            value = __import__(name)
        elif isinstance(value, Module) and value.name.partition(".")[0] in _LIBRARY_MODULES:
            value = __import__(value.name, fromlist=["_"])
        elif isinstance(value, Remote) and object.__getattribute__(value, "_kind") in ("function", "class"):
            value = self._functions[name] = self.library(value, name)
        return value

    def library(self, value, name):
        """A function that the program only imported is taken from the library itself."""
        judge = self._judge
        if object.__getattribute__(value, "_kind") != "function":
            return value
        module = judge.ask("getattr", value, "__module__")
        if type(module) is str and module in _FUNCTION_MODULES:
            found = getattr(__import__(module, fromlist=["_"]), str(judge.ask("getattr", value, "__name__")), None)
            if callable(found) and not isinstance(found, type):
                return found
        return value


def walk(tree):
    """All nodes below and with `tree`."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                pending.append(value)
            elif isinstance(value, list):
                pending.extend(v for v in value if isinstance(v, ast.AST))


def names_used(trees):
    """Names that are called, and names whose attributes are taken, in the tests."""
    called, attributes = set(), set()
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                attributes.add(node.value.id)
    return called, attributes


def asserts_something(tree):
    return any(isinstance(n, (ast.Assert, ast.Raise)) or
               isinstance(n, ast.Attribute) and n.attr.lower().startswith("assert") for n in walk(tree))


def parse(text, what):
    try:
        return compile(text, what, "exec", _ONLY_TREE)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Stop("%s does not compile: %s" % (what, error)) from None


def prompt_definitions(task):
    """The helpers that a prompt in code defines are part of the task, and so the tests' own; the function to be written
    is not. One by one: what cannot be had here may still come from the program."""
    try:
        statements = compile(task["prompt"], "prompt", "exec", _ONLY_TREE).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # words
    return [ast.Module([s], []) for s in statements
            if getattr(s, "name", None) != task["entry_point"] and not isinstance(s, ast.Expr)]


def prepare(judge, task):
    """The tests as functions without arguments, each passed when it returns."""
    texts = [("the test", task["test"])] if task["test"] else [("a test", t) for t in task["test_list"]]
    if not texts:
        raise Stop("there is no test")
    trees = [parse(text, what) for what, text in texts]
    setup = [parse(t, "the set-up of the tests") for t in task["setup"]]
    called, attributes = names_used(trees + setup)
    entry = task["entry_point"]
    # A function under test may bear the name of a built-in one. In a list of asserts it is the only name that is called.
    own = {entry} if entry else set()
    if not entry and all(hasattr(builtins, name) for name in called):
        own = called
    names = Names(judge, own, attributes)
    for helper in prompt_definitions(task):
        try:
            exec(compile(helper, "prompt", "exec"), names)
        except Exception:
            pass
    for tree in setup:
        exec(compile(tree, "setup", "exec"), names)
    codes = [compile(tree, "test", "exec") for tree in trees]
    if not task["test"]:
        if not all(asserts_something(tree) for tree in trees):
            raise Stop("a test asserts nothing")
        return [lambda code=code: exec(code, names) for code in codes]

    def whole():
        exec(codes[0], names)
        check = dict.get(names, "check")
        if check is None:
            return
        if not entry:
            raise Stop("the record has no entry_point")
        try:
            function = names[entry]
        except KeyError:
            raise NameError("name '%s' is not defined" % entry) from None
        check(function)

    if not asserts_something(trees[0]):
        raise Stop("the test asserts nothing")
    return [whole]


def describe(error):
    text = str(error)[:300]
    return type(error).__name__ + (": " + text if text else "")


def blame_imports(error):
    if isinstance(error, ImportError) and not getattr(error, "_from_program", False):
        raise Stop("the tests import what is not here: %s" % error) from None


def judge_all(judge, task):
    """passed, total, the first failure"""
    passed, failure, total = 0, "", max(1, len(task["test_list"]))
    try:
        tests = prepare(judge, task)
        total = len(tests)
        for test in tests:
            try:
                test()
                if judge.gone:  # a test that catches everything
                    raise Gone(judge.gone)
                passed += 1
            except Stop:
                raise
            except Gone:
                raise
            except Exception as error:
                blame_imports(error)
                failure = failure or describe(error)
                if judge.gone:
                    raise Gone(judge.gone) from None
                if not task["all_tests"]:
                    break
    except Gone as error:
        failure = failure or str(error)
    except Stop:
        raise
    except BaseException as error:  # the tests may even exit
        blame_imports(error)
        failure = failure or describe(error)
    return passed, total, failure


def main():
    with open("/box/task.json", encoding="utf-8") as file:
        task = dict(zip(("token", "test", "entry_point", "prompt", "test_list", "setup", "all_tests"),
                        from_text(file.read())))
    task["all_text"] = "\n".join([task["test"]] + task["test_list"] + task["setup"])
    sys.path[:] = [p for p in sys.path if p != "/box"]
    judge = Judge(Channel(), task)
    sys.setrecursionlimit(5000)
    try:
        line = to_text([*judge_all(judge, task), False, judge.gone is not None])
    except Stop as error:
        line = to_text([0, 1, str(error), True, False])
    os.write(1, ("\n" + task["token"] + line + "\n").encode("ascii"))
    os._exit(0)


main()
