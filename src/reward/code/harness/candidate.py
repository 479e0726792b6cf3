# Runs the program under test and does what the judge asks of it. Nothing here is trusted: the program can do with this
# process what it likes, and gains nothing by it.
import sys
import types


class Candidate:
    def __init__(self, channel, namespace):
        self.channel = channel
        self.namespace = namespace
        self.objects = []  # by handle; kept alive, so that ids stay unique
        self.handles = {}
        self.packer = Packer(self.refer)
        self.unpacker = Unpacker({"object": lambda a: self.objects[a[0]], "judge": lambda a: Callback(self, a[0]),
                                  "iterator": lambda a: iter([self.unpacker.unpack(x) for x in a[0]]),
                                  "function": self.library_function})

    @staticmethod
    def library_function(arguments):
        found = __import__(arguments[0], fromlist=["_"])
        for part in arguments[1].split("."):
            found = getattr(found, part)
        return found

    def refer(self, value):
        handle = self.handles.get(id(value))
        if handle is None:
            handle = self.handles[id(value)] = len(self.objects)
            self.objects.append(value)
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if isinstance(value, type):
            errors = [c.__name__ for c in value.__mro__] if issubclass(value, BaseException) else []
            return ["object", handle, "class", value.__name__, errors]
        if isinstance(value, BaseException):
            return ["error"] + describe_error(value)[1:]
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
            return ["object", handle, "function", value.__name__, str(value.__module__)]
        return ["object", handle, "instance", type(value).__name__, ""]

    def name(self, name):
        if name not in self.namespace:
            raise NameError("name '%s' is not defined" % name)
        return self.namespace[name]

    @staticmethod
    def call(function, positional, named):
        return function(*positional, **named)

    @staticmethod
    def operate(name, value, *rest):
        return getattr(value, name)(*rest)

    def answer(self, request):
        what, arguments = request[0], request[1:]
        values = [self.unpacker.unpack(a) for a in arguments]
        before = to_text(arguments)
        result = getattr(self, what)(*values) if what in ("name", "call", "operate") else OPERATIONS[what](*values)
        tree = ["ok", self.packer.pack(result)]
        if what == "call":  # what the function changed in its arguments is changed at the judge's, too
            after = [self.packer.pack(v) for v in values]
            if to_text(after) != before:
                tree.append(after)
        return tree

    def serve(self, until=None):
        while True:
            request = self.channel.receive()
            if request is None:
                sys.exit(0)
            if until is not None and request[0] in until:
                return request
            try:
                answer = self.answer(request)
            except Exception as error:
                answer = describe_error(error)
            self.channel.send(answer)


OPERATIONS = {"getattr": getattr, "setattr": setattr, "iter": iter, "next": next, "len": len, "bool": bool,
              "delattr": delattr, "isinstance": isinstance}


class Callback:
    """A function of the test, lent to the program."""

    def __init__(self, candidate, number):
        self.candidate = candidate
        self.number = number

    def __call__(self, *positional, **named):
        c = self.candidate
        c.channel.send(["callback", self.number, c.packer.pack(list(positional)), c.packer.pack(named)])
        reply = c.serve(until=("result", "raise"))
        if reply[0] == "result":
            return c.unpacker.unpack(reply[1])
        raise _error_of(reply[1])("".join(map(str, reply[2])))


def _error_of(names):
    import builtins
    for name in names:
        found = getattr(builtins, name, None)
        if isinstance(found, type) and issubclass(found, Exception):
            return found
    return Exception


def main():
    import builtins
    import io
    from _sitebuiltins import Quitter
    builtins.exit, builtins.quit = Quitter("exit", ""), Quitter("quit", "")
    with open("/box/program.py", "rb") as file:
        source = file.read()
    channel = Channel()
    sys.stdin = io.TextIOWrapper(io.BytesIO())
    sys.argv = ["program.py"]
    sys.path[:] = [p for p in sys.path if p != "/box"]
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:  # a prompt that is complete by itself, such as a function with nothing but its description
        with open("/box/prompt.py", "rb") as file:
            exec(compile(file.read(), "prompt.py", "exec", dont_inherit=True), module.__dict__)
    except Exception:
        pass
    try:
        code = compile(source, "program.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        channel.receive()  # or the judge could find this process gone before it finds the message
        channel.send(["does not compile", type(error).__name__ + ": " + str(error)])
        return
    try:
        exec(code, module.__dict__)
    except Exception as error:
        channel.receive()
        channel.send(["fails", type(error).__name__ + ": " + str(error)])
        return
    Candidate(channel, module.__dict__).serve()


main()
