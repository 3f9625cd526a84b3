"""Everything that people and programs see of a net: tables, pages, JSON, arithmetic, stages."""
