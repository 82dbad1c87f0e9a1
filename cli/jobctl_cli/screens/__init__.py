"""One module a screen: plain data of what it shows, and the text for people made from that data."""
