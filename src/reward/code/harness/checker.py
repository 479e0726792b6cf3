# Asks a task's own checker about one output. The checker belongs to the data set; the output is only text to it.
import json
import sys


def main():
    with open("/box/task.json", encoding="utf-8") as file:
        token, checker, given, expected, output = json.load(file)
    sys.path[:] = [p for p in sys.path if p != "/box"]
    names = {"__name__": "checker"}
    exec(compile(checker, "checker", "exec"), names)
    accepted = bool(names["check"](given, expected, output))
    print("\n" + token + ("right" if accepted else "wrong"))


main()
