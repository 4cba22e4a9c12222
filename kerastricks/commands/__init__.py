"""The commands as plain functions: they take Python values, return data, and print nothing but progress."""
