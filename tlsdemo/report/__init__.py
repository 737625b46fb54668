"""Plain values -> text, HTML, JUnit, SARIF. Imports no protocol.

terminal         headings, rows and verdicts on a terminal
bytes            bytes with their meaning, for the terminal
layout           paragraphs of 80 columns
html             a page in one file
events           what a server reports
sequence         a sequence diagram as text
sequence_html    the same, drawn
matrix_page      the page of `compare`
hex_pane         bytes in hexadecimal, each run of them with its field
explain_page     the page of `explain`
ladder           the records of that page: shown whole, listed or counted
client           what one client did in the lab
client_page      the same as a page
client_matrix    several clients
lab_page         the index page of the lab
finding          one finding in words
defects          known defects of clients
diagnosis        from findings to defects
fixes            how a defect is corrected
junit            JUnit XML
sarif            SARIF
"""
