"""What the Go runtime does before main: its own reports, and a runtime that keeps time."""
