"""Icons, theme, translations and desktop files that ship inside the package."""
