SELECT delete_older(%(table)s, %(before)s, %(most)s)
