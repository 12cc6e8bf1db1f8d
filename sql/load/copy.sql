COPY {target} ({columns}) FROM STDIN (FORMAT BINARY)
