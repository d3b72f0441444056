"""The HSDS 3.1 face of the directory: objects, profile HSDS-BRU, read API, tabular package."""
