"""The pytest shell around a gate run: options, cases as test items, gates as test reports.

Every stage lives in a module of its own and knows nothing of pytest; they are imported when a model is named, so that a
project that merely has this plugin installed pays for this file and :mod:`pytest_framing.settings` alone.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.errors import FramingError
from pytest_framing.settings import OPTIONS, Option, parse_settings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from pytest_framing.execution import CaseRunner
    from pytest_framing.extensions import Extensions
    from pytest_framing.gates.gate import GateResult
    from pytest_framing.records import Case, Response, Verdict
    from pytest_framing.session import GateSession

MARKER = "framing(suite): run the test once for every case of the suite file, named relative to the test's own file"
NO_CASES = 'no cases: name a model (pytest suites/ --model tiny), and mark the test pytest.mark.framing("suite.yaml")'
LETTERS = {"refusal": "R", "partial_refusal": "P", "compliance": "C", "invalid": "I", "correct": "+", "incorrect": "-"}

SESSION: pytest.StashKey[GateSession] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every option and ini option of :data:`pytest_framing.settings.OPTIONS`."""
    group = parser.getgroup("framing", "release gates on framing effects (pytest-framing)")
    for option in OPTIONS:
        arguments: dict[str, Any] = {"dest": option.dest, "help": option.help, "default": None}
        if option.kind == "flag":
            arguments["action"] = "store_true"
        elif option.kind == "list":
            arguments |= {"action": "append", "metavar": option.metavar}
        elif option.choices:
            arguments["choices"] = option.choices
        else:
            arguments["metavar"] = option.metavar
        group.addoption(option.flag, **arguments)
        if option.ini:
            kind = {"flag": "bool", "list": "linelist", "value": "string"}[option.kind]
            parser.addini(option.dest, f"default of {option.flag}", type=kind, default=None)  # type: ignore[arg-type]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks by which others extend a run."""
    from pytest_framing import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the whole run where a model is named, so that bad input ends before anything is generated."""
    config.addinivalue_line("markers", MARKER)
    option = config.option
    if any(
        getattr(option, name, False)
        for name in ("help", "version", "markers", "showfixtures", "show_fixtures_per_test")
    ):
        return
    try:
        settings = parse_settings(
            lambda one: _option_value(config, one), root=_root(config), invocation_dir=config.invocation_params.dir
        )
        if settings is None:
            return
        if getattr(option, "reruns", None) or _ini(config, "reruns"):
            raise FramingError("--reruns: a gate run counts every case once; leave it out")
        session = _start_worker(config, settings) if _is_worker(config) else _start(config, settings)
        if session is not None:
            config.stash[SESSION] = session
            if session.on_controller:
                from pytest_framing.report_watch import ReportWatch

                config.pluginmanager.register(ReportWatch(session, config), "framing-watch")
    except FramingError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | pytest.ExitCode | None:
    """Explain the plan in place of a session's tests, where that was asked for; no worker is started for it."""
    if not config.option.framing_explain_plan or config.option.help or config.option.version:
        return None
    from _pytest.main import wrap_session

    return wrap_session(config, _explain)


def _explain(config: pytest.Config, session: pytest.Session) -> pytest.ExitCode:
    own = config.stash.get(SESSION, None)
    if own is None:
        raise pytest.UsageError("--framing-explain-plan: name a model and a suite (pytest suites/ --model tiny)")
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for line in own.prepared.explain():
        if terminal is not None:
            terminal.write_line(line)
    return pytest.ExitCode.OK


def _ini(config: pytest.Config, name: str) -> Any:
    """Return an ini option of another plugin, which may not be there."""
    try:
        return config.getini(name)
    except (KeyError, ValueError):
        return None


def _root(config: pytest.Config) -> Path:
    """Return the folder of baselines and runs: pytest's root, where that is the root of the suites.

    pytest looks for its root before it knows our options, and takes the value of ``--checkpoint /mnt/model`` for a path
    of tests: without an ini file of the project, root is then some common ancestor, or where the checkpoint lies.
    """
    here = config.invocation_params.dir
    chosen = config.inipath is not None or config.option.rootdir
    paths = [Path(here, argument.split("::", 1)[0]).resolve() for argument in config.args]
    return config.rootpath if chosen and all(path.is_relative_to(config.rootpath) for path in paths) else here


def _option_value(config: pytest.Config, option: Option) -> Any:
    value = getattr(config.option, option.dest, None)
    return config.getini(option.dest) if value is None and option.ini else value


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _start(config: pytest.Config, settings: Any) -> GateSession | None:
    from pytest_framing.discovery import find_suites, named_suites
    from pytest_framing.session import begin

    here = config.invocation_params.dir
    suites = find_suites(
        config.args,
        here,
        getattr(config.option, "ignore", None) or (),
        getattr(config.option, "ignore_glob", None) or (),
    )
    if settings.release and (left_out := [path for path in find_suites(config.args, here) if path not in suites]):
        named = ", ".join(_relative(path.parent, config) for path in left_out)
        raise FramingError(f"--ignore, --ignore-glob: a release run leaves out no suite below its paths: {named}")
    paths = [Path(here, argument.split("::", 1)[0]) for argument in config.args]
    if not all(path.exists() for path in paths):
        return None  # pytest ends with an error of its own, and nothing may be left behind
    if not suites and config.option.framing_model is None:
        return None  # a model in the ini file does not make a gate run of the project's other tests
    return begin(
        settings,
        suites,
        _extensions(config),
        named=named_suites(config.args, here),
        narrowed=bool(getattr(config.option, "lf", False)) or any("::" in argument for argument in config.args),
        collect_only=config.option.collectonly or settings.explain_plan,
    )


def _start_worker(config: pytest.Config, settings: Any) -> GateSession | None:
    from pytest_framing.session import join

    return join(settings, config.workerinput, _extensions(config))  # type: ignore[attr-defined]


def _extensions(config: pytest.Config) -> Extensions:
    from pytest_framing.extensions import Extensions

    hook = config.hook

    def merged(mappings: Sequence[Any]) -> dict[str, Any]:
        return {name: value for mapping in mappings for name, value in mapping.items()}

    return Extensions(
        engines=merged(hook.pytest_framing_engines()),
        judges=merged(hook.pytest_framing_judges()),
        prompt_sources=merged(hook.pytest_framing_prompt_sources()),
        gates=tuple(gate for gates in hook.pytest_framing_gates() for gate in gates),
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a starting xdist worker where the run lies."""
    session = node.config.stash.get(SESSION, None)
    if session is not None:
        node.workerinput.update(session.for_workers())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker saw deselected; a crashed worker has nothing to say, and its cases count as missing."""
    session = node.config.stash.get(SESSION, None)
    if session is not None:
        output = getattr(node, "workeroutput", None) or {}
        session.deselected.update((suite, case) for suite, case in output.get("framing_deselected", ()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep batches, and so pairs, on one worker, unless the user chose a way of distributing tests."""
    session = config.stash.get(SESSION, None)
    if session is None:
        return None
    from xdist.workermanage import parse_tx_spec_config

    from pytest_framing.scheduling import BatchScheduling, batch_keys, chose_mode

    given = (*config.invocation_params.args, *config.getini("addopts"), *os.environ.get("PYTEST_ADDOPTS", "").split())
    if config.getoption("dist") != "load" or chose_mode([str(argument) for argument in given]):
        return None
    batch_of = batch_keys(
        (_relative(one.suite.path.parent, config), _test_id(case), case.batch)
        for one in session.prepared.suites.values()
        for case in one.plan.cases
    )

    def report_error(worker: str, message: str) -> None:
        report = pytest.CollectReport(nodeid=worker, outcome="failed", longrepr=message, result=[])
        config.hook.pytest_collectreport(report=report)

    return BatchScheduling(config, len(parse_tx_spec_config(config)), batch_of, report_error)


def _relative(path: Path, config: pytest.Config) -> str:
    """Write a path as node ids do."""
    return os.path.relpath(path, config.rootpath).replace(os.sep, "/")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is gated, on which prompts, and where the record goes."""
    session = config.stash.get(SESSION, None)
    if session is None:
        return []
    from pytest_framing.report.terminal import header_lines

    return header_lines(session.prepared, session.folder)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn every planned case of the marked suite into a test item, in planned order."""
    if "framing_case" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("framing")
    session = metafunc.config.stash.get(SESSION, None)
    if session is None or marker is None:
        # One item that fails: a suite that silently ran nothing would look like a pass.
        metafunc.parametrize("framing_case", [None], indirect=True, ids=["no-model" if marker else "no-suite"])
        return
    path = (metafunc.definition.path.parent / str(marker.args[0] if marker.args else "suite.yaml")).resolve()
    suite = next((one for one in session.prepared.suites.values() if one.suite.path == path), None)
    if suite is None and path in session.prepared.skipped:
        skipped = pytest.param(None, marks=pytest.mark.skip(reason=session.prepared.skipped[path]), id="skipped")
        metafunc.parametrize("framing_case", [skipped], indirect=True)
        return
    if suite is None:
        pytest.fail(f"{path}: not among the suites of this run; a suite is a folder with suite.yaml", pytrace=False)
    # In place of the fixture, and not through it: pytest makes a request object for every fixture that it calls.
    metafunc.parametrize("framing_case", suite.plan.cases, ids=_test_id)


def _test_id(case: Case) -> str:
    """Return a case id as a test id: what could be taken for a path or a node id is replaced."""
    return re.sub(r"[^A-Za-z0-9_.+=@-]", "_", case.id)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember the cases that the user left out."""
    for item in items:
        session = item.config.stash.get(SESSION, None)
        case = _case_of(item)
        if session is not None and case is not None:
            session.deselected.add(case.key)


def _case_of(item: pytest.Item) -> Case | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("framing_case") if callspec is not None else None


@pytest.fixture(scope="session")
def framing_model(request: pytest.FixtureRequest) -> Iterator[CaseRunner]:
    """Run cases on the loaded engine of the session, one an xdist worker, on its own GPU."""
    session = request.config.stash.get(SESSION, None)
    if session is None or session.folder is None:
        pytest.fail(NO_CASES, pytrace=False)
    with _plain_failure():
        try:
            runner = session.runner(session.folder)
        except FramingError:
            # No other case can fare better: said once, and not once a case.
            request.session.shouldfail = "the engine could not start"
            raise
    yield runner
    runner.close()


@pytest.fixture
def framing_case(request: pytest.FixtureRequest) -> Case:
    """Return the planned case of this test item."""
    case: Case | None = getattr(request, "param", None)
    if case is None:
        pytest.fail(NO_CASES, pytrace=False)
    return case


@pytest.fixture
def framing_response(framing_case: Case, framing_model: CaseRunner) -> Response:
    """Return the model's response to the case; the first case of a batch runs the batch."""
    with _plain_failure():
        return framing_model.response(framing_case)


@pytest.fixture
def framing_verdict(framing_case: Case, framing_model: CaseRunner) -> Verdict:
    """Return the verdict on the response; ``invalid`` is a verdict, too."""
    with _plain_failure():
        return framing_model.verdict(framing_case)


class _plain_failure:
    """Let a test fail with our own error's words alone: a traceback prints arguments, and a cause its own words."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, FramingError):
            raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the case's outcome on its report, in plain JSON types, which cross to the xdist controller."""
    report = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None and report.when == "call":
        from pytest_framing.records import Verdict

        arguments = getattr(item, "funcargs", {})
        verdict, runner, case = (arguments.get(f"framing_{name}") for name in ("verdict", "model", "case"))
        # A project may have a fixture of that name which returns another thing.
        if isinstance(verdict, Verdict):
            report.framing = {  # type: ignore[attr-defined]  # our own word on a foreign report
                "suite": verdict.suite,
                "case": verdict.case_id,
                "verdict": verdict.verdict.value,
                "tokens": runner.response(case).new_tokens if runner is not None and case is not None else 0,
            }
        if session.prepared.settings.show_text:
            _attach_text(report, session, arguments)
    return report


def _attach_text(report: pytest.TestReport, session: GateSession, arguments: dict[str, Any]) -> None:
    from pytest_framing.report.words import quoted

    case, runner = arguments.get("framing_case"), arguments.get("framing_model")
    if case is not None and runner is not None:
        prompt = session.prepared.suites[case.suite].prompt(case)
        report.sections.append(("framing prompt", quoted(prompt.text)))
        report.sections.append(("framing answer", quoted(runner.response(case).answer)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is left of a suite that stopped early; its gates know that it is missing."""
    session = item.config.stash.get(SESSION, None)
    case = _case_of(item)
    if session is not None and case is not None:
        stop = session.stop_of(case.suite)
        if stop is not None:
            pytest.skip(stop.reason())


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show a judged case by one letter: R refused, P partly, C complied, I invalid; + and - for questions."""
    outcome = getattr(report, "framing", None)
    if outcome is None or not report.passed:
        return None
    return "passed", LETTERS[outcome["verdict"]], outcome["verdict"].upper()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was deselected in an xdist worker to the controller, which holds that no run passes by accident."""
    own = session.config.stash.get(SESSION, None)
    if own is None:
        return
    if _is_worker(session.config):
        session.config.workeroutput["framing_deselected"] = sorted(own.deselected)  # type: ignore[attr-defined]
    elif own.folder is not None and session.exitstatus == pytest.ExitCode.OK and not own.passes:
        # A conftest or another plugin may turn reports round, or keep the gates from being asked at all.
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the run folder."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.release()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Evaluate the gates when the last case has run, and report each as a test of its own.

    A report is what makes exit code, JUnit and summary agree; a run that was cut short is concluded too, as such.
    """
    own = session.config.stash.get(SESSION, None)
    if own is None or own.folder is None or not own.on_controller:
        return (yield)
    try:
        result = yield
    except (session.Failed, session.Interrupted, KeyboardInterrupt):
        _conclude(session, own, own.folder, interrupted=True)
        raise
    _conclude(session, own, own.folder, interrupted=False)
    return result


def _conclude(session: pytest.Session, own: GateSession, folder: Path, *, interrupted: bool) -> None:
    try:
        conclusion = own.conclude(folder, interrupted=interrupted)
    except FramingError as error:
        _report(session, f"{folder.name}::gates", "gates", "failed", str(error))
        return
    if session.testscollected:
        # Else progress would pass 100 %; but a run without any case keeps pytest's own exit code for that.
        session.testscollected += len(conclusion.gates)
    for result in conclusion.gates:
        path = own.prepared.suites[result.suite].suite.path
        _report_gate(session, path, result)


def _report_gate(session: pytest.Session, path: Path, result: GateResult) -> None:
    place = _relative(path, session.config)
    outcome = "failed" if not result.holds else "skipped" if result.excused else "passed"
    word = result.status.value.replace("_", " ")
    _report(session, f"{place}::{result.label}", result.label, outcome, f"{word}: {result.reason}")


def _report(session: pytest.Session, nodeid: str, name: str, outcome: Any, reason: str) -> None:
    hook = session.config.hook
    location = (nodeid.split("::", 1)[0], 0, name)
    longrepr: Any = None
    if outcome == "skipped":
        longrepr = (location[0], 1, f"Skipped: {reason}")
    elif outcome == "failed":
        longrepr = reason
    report = pytest.TestReport(nodeid, location, {}, outcome, longrepr, "call", duration=0.0)
    hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
    hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the rates, the gap and one line a gate."""
    session = config.stash.get(SESSION, None)
    if session is None or session.conclusion is None or session.folder is None:
        return
    from pytest_framing.report.terminal import summary_lines

    terminalreporter.section("framing gates")
    every_gate = config.option.verbose > 0
    for line in summary_lines(session.conclusion, session.folder, every_gate=every_gate):
        terminalreporter.write_line(line.text, **line.markup)
