"""What single labs do and measure: each module one experiment, with rows that can be recorded.

They use the builds, `binary` and `startup`; nothing but the labs and their figures uses them.
"""
