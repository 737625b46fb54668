"""What is in a file, in words. Pure.

parse          every object in a file, described
describe       one object as rows: field, value, reason
key_numbers    the numbers in a key
dump           the bytes of an object, element by element
diff           two certificates side by side
"""
