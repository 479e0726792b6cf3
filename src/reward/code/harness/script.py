# Runs a whole program: exit() and quit() exist as in an ordinary interpreter, and a program that does not compile ends
# with a code of its own.
import sys


def main():
    import builtins
    import types
    from _sitebuiltins import Quitter
    builtins.exit, builtins.quit = Quitter("exit", ""), Quitter("quit", "")
    with open("/box/program.py", "rb") as file:
        source = file.read()
    sys.argv = ["program.py"]
    sys.path[:] = [p for p in sys.path if p != "/box"]
    module = types.ModuleType("__main__")
    module.__file__ = "program.py"
    sys.modules["__main__"] = module
    try:
        code = compile(source, "program.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        sys.stderr.write(type(error).__name__ + ": " + str(error) + "\n")
        sys.exit(65)
    exec(code, module.__dict__)


main()
