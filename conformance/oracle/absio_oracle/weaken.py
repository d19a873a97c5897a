"""Takes a check out of the oracle, to see that a comparison with it notices."""

import sys


def always(*_):
    return True


def nothing(*_):
    return None


# Name of the weakening: the function that goes, and what stands in its place.
CHECKS = {
    "tags": ("same", always),
    "signatures": ("check_signature", nothing),
    "ends": ("end", nothing),
}


def weaken(name):
    """Takes the check out of every module that was loaded."""
    function, instead = CHECKS[name]
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(__package__ + ".") and hasattr(module, function):
            setattr(module, function, instead)
    if function == "end":
        sys.modules[__package__ + ".reading"].Reader.end = nothing
