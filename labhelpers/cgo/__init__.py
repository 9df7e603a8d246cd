"""Why cgo is in a program: who imports it, what takes it out, and what then behaves differently."""
