"""The report about one client as JUnit XML, which build servers show with their other tests.

The format is that of Ant, Surefire and pytest, which Jenkins and GitLab read.

    finding that fails   failure        good was not accepted   error: then nothing is decided
    undecided, not run,
    or known             skipped        anything else           passed; the evidence is in system-out
"""

from xml.etree import ElementTree as xml

from pki.errors import printable
from tlsdemo.findings import GOOD, CaseWords, Finding, Report
from tlsdemo.report import finding as words
from tlsdemo.report.diagnosis import diagnose

NAME = "tlsdemo check-client"


def as_junit(report: Report) -> str:
    """One test for each case, under its theme. The client's output is escaped."""
    suite = xml.Element("testsuite", name=f"{NAME}: {printable(report.client)}", timestamp=words.stamp(report.started))
    properties = xml.SubElement(suite, "properties")
    facts: tuple[tuple[str, str], ...] = (
        ("client", report.client), ("version", report.version), ("grade", report.grade),
    )  # fmt: skip
    facts += tuple(("defect", each.defect.sentence) for each in diagnose(report).defects)
    for name, value in facts:
        xml.SubElement(properties, "property", name=name, value=printable(value))
    for finding in report.findings:
        _judge(report, finding, _test(suite, finding.case, finding.seconds))
    for unserved in report.unserved:
        test = _test(suite, unserved.case, 0.0)
        xml.SubElement(test, "skipped", message=f"not run: {printable(unserved.reason)}")
    suites = xml.Element("testsuites", name=NAME)
    suites.append(suite)
    for element in (suite, suites):
        element.set("tests", str(len(suite.findall("testcase"))))
        element.set("failures", str(len(suite.findall("testcase/failure"))))
        element.set("errors", str(len(suite.findall("testcase/error"))))
        element.set("time", _seconds(report.seconds))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    xml.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(suites, encoding="unicode") + "\n"


def _test(suite: xml.Element, case: CaseWords, seconds: float) -> xml.Element:
    return xml.SubElement(
        suite, "testcase", classname=printable(case.theme), name=printable(case.id), time=_seconds(seconds)
    )


def _judge(report: Report, finding: Finding, test: xml.Element) -> None:
    headline = f"{finding.case.id}: {words.headline(finding)}"
    if finding.case.id == GOOD and not report.conclusive:
        error = xml.SubElement(test, "error", message="the valid certificate was not accepted", type="inconclusive")
        error.text = "\n".join(["The result is inconclusive.", *_story(finding)])
    elif not report.conclusive:
        xml.SubElement(test, "skipped", message="the valid certificate was not accepted")
    elif not finding.verdict.decided:
        xml.SubElement(test, "skipped", message=f"{finding.verdict.value}: {printable(finding.did)}")
    elif known := report.excuse(finding):
        why = known.reason or f"by {known.origin}"
        xml.SubElement(test, "skipped", message=f"known finding: {printable(why)}")
    elif finding in report.failing:
        failure = xml.SubElement(test, "failure", message=printable(headline), type=finding.case.severity)
        failure.text = "\n".join(_story(finding))
    xml.SubElement(test, "system-out").text = "\n".join([headline, *_evidence(finding)])


def _story(finding: Finding) -> list[str]:
    case = finding.case
    texts = [
        case.summary,
        *words.why(case),
        f"{case.clause} ({case.severity}): a strict client would {words.demands(case)}.",
    ]
    if case.cve:
        texts.append(f"Known from {', '.join(case.cve)}.")
    return [*map(printable, texts), *_evidence(finding)]


def _evidence(finding: Finding) -> list[str]:
    return [f"{label}: {value}" for label, value in words.evidence(finding)]


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def is_ours(content: bytes) -> bool:
    """Whether `as_junit` wrote this file."""
    return content.startswith(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="{NAME}"'.encode())
