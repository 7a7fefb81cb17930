"""One module a tool: `recognises(path)` and `read(path)`, of files alone, without the tool."""
