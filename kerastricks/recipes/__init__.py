"""One module a recipe, each of which holds `recipe`."""
