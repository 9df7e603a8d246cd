"""What helps one's own program: build it in every way that can work, start them all, answer."""
