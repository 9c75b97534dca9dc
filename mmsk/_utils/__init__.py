"""Private helpers without a home in a public package."""
