"""The words for what a column of a table is."""

TABLE_ROLES = ("number", "category", "boolean", "date")

ROLES = ("text", "image", "audio", *TABLE_ROLES, "identifier", "groups", "drop")
"""What a column of a table can be."""

NO_FEATURES = ("identifier", "groups", "drop")
