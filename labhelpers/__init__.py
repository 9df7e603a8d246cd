"""Build Go programs in several ways, start them many times, and say what follows.

Import what is needed from its own module; nothing heavy is loaded here:

    from labhelpers.build import BuildConfig, build
    from labhelpers.programs import find_program
    from labhelpers.startup import Command, measure
    from labhelpers.study import Design, run_study
"""

__version__ = "0.1.0"
