"""The tests mirror cnndsl/; golden files lie under golden/, helpers under support/."""
