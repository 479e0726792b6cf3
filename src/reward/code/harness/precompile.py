# Writes the byte code of the files that are named, each behind its length, as a .pyc file holds it: compiling them anew
# for every run would take longer than many a run.
import marshal
import sys
from _frozen_importlib_external import MAGIC_NUMBER

for path in sys.argv[1:]:
    with open(path, "rb") as file:
        code = MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(file.read(), path, "exec", dont_inherit=True))
    sys.stdout.buffer.write(len(code).to_bytes(8, "little") + code)
