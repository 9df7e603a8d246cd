"""What single labs do and measure: each module one experiment, with rows that can be recorded.

They stand on the builds, `binary` and `startup`. The labs and their figures use them, and the
doctor, who tells beforehand which of them this machine allows.
"""
