"""A reproducible batch pipeline that trains a regression of data-science salaries."""
