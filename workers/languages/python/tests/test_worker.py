"""test_worker.py - a worker of the kit, seen from jobd's side of the wire."""

import os
import time
import unittest

from fake_daemon import LocalWorker


class Case(unittest.TestCase):
    modules = ('sample',)
    options = ()

    def setUp(self):
        self.worker = LocalWorker(*self.modules, options=self.options)
        self.addCleanup(self.worker.close)
        self.worker.be_ready()

    def begin(self, type, args=None):
        """Starts an attempt that says in its log that it has begun."""
        before = len(self.worker.notes('attempt.log'))
        id = self.worker.run(type, args)
        self.worker.wait_for('attempt.log', before + 1)
        return id

    def log(self):
        return [note['text'] for note in self.worker.notes('attempt.log')]


class Ready(Case):
    def test_it_tells_its_types_with_lane_summary_and_schema(self):
        ready = self.worker.ready
        self.assertEqual(ready['protocol'], 1)
        self.assertRegex(ready['language'], r'^python 3\.\d+')
        self.assertEqual(ready['slots'], {'process': 1})
        types = {t['name']: t for t in ready['types']}
        self.assertEqual(types['add'], {
            'name': 'add', 'lane': 'process', 'summary': 'Adds two numbers.',
            'args_schema': {'type': 'object', 'properties': {
                'a': {'type': 'integer'}, 'b': {'type': 'integer', 'default': 10}},
                'required': ['a'], 'additionalProperties': False}})

    def test_worker_finish_ends_it_with_0(self):
        self.worker.finish()
        self.assertEqual(self.worker.status(), 0)

    def test_worker_finish_lets_what_was_sent_before_end(self):
        first, second = self.worker.run('finish_ignored', {'ms': 100}), self.worker.run('add', {'a': 1})
        self.worker.finish()
        self.assertEqual(self.worker.result(first), 'done')
        self.assertEqual(self.worker.result(second), 11)
        self.assertEqual(self.worker.status(), 0)

    def test_the_end_of_the_wire_ends_it(self):
        self.begin('computes')
        self.worker.sock.close()
        self.assertEqual(self.worker.status(), 1)

    def test_without_jobd_it_says_so(self):
        import subprocess
        import sys
        environment = {k: v for k, v in os.environ.items() if k != 'JOBD_FD'}
        environment['PYTHONPATH'] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        ended = subprocess.run([sys.executable, '-B', '-m', 'jobd_worker', 'sample'], env=environment,
                               cwd=os.path.dirname(os.path.abspath(__file__)), stderr=subprocess.PIPE)
        self.assertEqual(ended.returncode, 1)
        self.assertIn(b'jobd has not started this program', ended.stderr)


class Arguments(Case):
    def test_args_are_keyword_arguments(self):
        self.assertEqual(self.worker.result(self.worker.run('add', {'a': 1, 'b': 2})), 3)

    def test_defaults_are_pythons(self):
        self.assertEqual(self.worker.result(self.worker.run('add', {'a': 1})), 11)

    def test_no_args_call_it_without_any(self):
        self.assertIsNone(self.worker.result(self.worker.run('noop')))

    def test_the_value_of_a_lone_parameter_may_come_without_its_name(self):
        self.assertEqual(self.worker.result(self.worker.run('shout', 'hé')), 'HÉ')
        self.assertEqual(self.worker.result(self.worker.run('shout', {'text': 'a'})), 'A')

    def test_a_handler_of_one_value_gets_args_as_they_are(self):
        self.assertEqual(self.worker.result(self.worker.run('total.of', [1, 2, 3.5])), 6.5)

    def test_args_that_do_not_fit_fail_without_a_retry_and_name_the_member(self):
        rows = (
            ('add', {}, 'args.a is missing'),
            ('add', {'a': 'x'}, "args.a must be an integer, not 'x'"),
            ('add', {'a': True}, 'args.a must be an integer, not True'),
            ('add', {'a': 1, 'c': 2}, 'args.c is not known; known: a, b'),
            ('add', [1, 2], 'args must be an object, not [1, 2]'),
            ('shout', 7, 'args must be a string, not 7'),
            ('total.of', ['x'], "args[0] must be a number, not 'x'"),
            ('noop', {'x': 1}, 'args.x is not known; known: nothing'),
        )
        for type, args, message in rows:
            with self.subTest(type=type, args=args):
                error = self.worker.error(self.worker.run(type, args))
                self.assertEqual(error['message'], message)
                self.assertIs(error['data']['retryable'], False)

    def test_a_type_that_it_does_not_have_fails(self):
        error = self.worker.error(self.worker.run('nothing'))
        self.assertIn('no handler for nothing', error['message'])

    def test_a_long_line_comes_in_pieces(self):
        text = 'x' * 3000000
        id = self.worker.run('shout', text)
        self.assertEqual(self.worker.error(id)['data']['kind'], 'bad_result')
        self.assertEqual(self.worker.result(self.worker.run('shout', 'é' * 40000)), 'É' * 40000)


class Answers(Case):
    def test_an_exception_is_returned_with_its_traceback(self):
        error = self.worker.error(self.worker.run('raises'))
        self.assertEqual(error['message'], 'ValueError: no image')
        self.assertIs(error['data']['retryable'], True)
        self.assertEqual(error['data']['exception'], 'ValueError')
        self.assertIn("raise ValueError('no image')", error['data']['traceback'])
        self.assertIn('sample.py', error['data']['traceback'])
        self.assertNotIn('worker.py', error['data']['traceback'])

    def test_an_exception_with_half_a_character_is_an_answer_too(self):
        error = self.worker.error(self.worker.run('raises', {'what': 'file'}))
        self.assertEqual(error['message'], 'OSError: no ?')

    def test_retry_says_when(self):
        error = self.worker.error(self.worker.run('raises', {'what': 'retry'}))
        self.assertEqual(error['message'], 'later')
        self.assertEqual(error['data'], {'retryable': True, 'retry_after_ms': 2500})

    def test_failure_is_final_and_keeps_its_data(self):
        error = self.worker.error(self.worker.run('raises', {'what': 'failure'}))
        self.assertEqual(error['message'], 'never')
        self.assertEqual(error['data'], {'retryable': False, 'page': 3})

    def test_exit_is_a_failure_and_the_worker_lives(self):
        error = self.worker.error(self.worker.run('raises', {'what': 'exit'}))
        self.assertEqual(error['message'], 'SystemExit: 3')
        self.assertEqual(self.worker.result(self.worker.run('add', {'a': 1})), 11)

    def test_a_result_that_is_no_json_is_never_sent(self):
        for what in ('nan', 'object', 'surrogate', 'long', 'loop'):
            with self.subTest(what=what):
                error = self.worker.error(self.worker.run('raises', {'what': what}))
                self.assertEqual(error['data'], {'retryable': False, 'kind': 'bad_result'})

    def test_a_window_is_answered_in_order(self):
        ids = [self.worker.run('add', {'a': n}) for n in range(100)]
        self.worker.answer(ids[-1])
        self.assertEqual(list(self.worker.answers), ids)
        self.assertEqual([self.worker.result(id) for id in ids], [n + 10 for n in range(100)])


class About(Case):
    def test_the_attempt_knows_itself_and_its_deadline(self):
        deadline = time.time() + 60
        id = self.worker.run('about_me', deadline_ms=int(deadline * 1000), job=99)
        said = self.worker.result(id)
        self.assertEqual((said['job'], said['type'], said['number'], said['fence']),
                         (99, 'about_me', 1, id))
        self.assertAlmostEqual(said['deadline'], deadline, places=1)
        self.assertTrue(0 < said['left'] <= 60)

    def test_it_knows_the_trace_that_its_job_belongs_to(self):
        trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
        self.assertEqual(self.worker.result(self.worker.run('about_me', traceparent=trace))['trace'], trace)
        self.assertIsNone(self.worker.result(self.worker.run('about_me'))['trace'])

    def test_without_a_deadline_there_is_none(self):
        said = self.worker.result(self.worker.run('about_me'))
        self.assertIsNone(said['deadline'])
        self.assertIsNone(said['left'])

    def test_progress_and_log_name_the_attempt(self):
        id = self.worker.run('steps')
        self.worker.result(id)
        whose = {'job': 7, 'attempt': 1, 'fence': id}
        progress = self.worker.notes('attempt.progress')
        self.assertEqual(progress[0], {**whose, 'done': 1, 'total': 5, 'text': 'step 0'})
        self.assertEqual(progress[-1], {**whose, 'done': 5, 'total': 5, 'text': 'step 4'})
        self.assertEqual(self.worker.notes('attempt.log'),
                         [{**whose, 'level': 'warn', 'text': 'half \\udcff way'}])

    def test_a_thread_of_the_handler_may_tell_too(self):
        self.assertEqual(self.worker.result(self.worker.run('own_thread')), [None])
        self.assertEqual(len(self.worker.notes('attempt.progress')), 1)


class Printing(Case):
    def test_what_is_printed_is_out_before_the_answer_and_not_on_the_wire(self):
        self.worker.result(self.worker.run('prints', {'lines': 3}))
        self.assertEqual(self.worker.printed(),
                         'line 0\nline 1\nline 2\nstraight to 1\nno end of line')
        self.assertEqual(self.worker.printed('stderr'), 'to stderr\n')
        self.assertTrue(self.worker.is_silent())

    def test_a_child_has_nothing_of_the_wire(self):
        said = self.worker.result(self.worker.run('child_sees'))
        self.assertNotIn('socket:', said)
        self.assertNotIn('JOBD_FD', said)

    def test_a_forked_child_closes_the_wire_and_the_parent_keeps_it(self):
        self.assertEqual(self.worker.result(self.worker.run('forks')), 499500)
        self.assertEqual(self.worker.result(self.worker.run('add', {'a': 1})), 11)


class Cancel(Case):
    def assert_cancelled(self, id):
        self.assertEqual(self.worker.error(id)['data'], {'cancelled': True})
        self.assertEqual(self.worker.result(self.worker.run('add', {'a': 1})), 11)

    def test_a_computing_handler_is_interrupted_and_cleans_up(self):
        id = self.begin('computes')
        self.worker.cancel(id)
        self.assert_cancelled(id)
        self.assertEqual(self.log(), ['begun', 'cleaned up'])

    def test_a_sleeping_handler_is_interrupted(self):
        id = self.begin('sleeps')
        self.worker.cancel(id)
        self.assert_cancelled(id)

    def test_except_exception_does_not_swallow_it(self):
        id = self.begin('swallows_exceptions')
        self.worker.cancel(id)
        self.assert_cancelled(id)

    def test_it_comes_once_and_the_handler_may_end_in_its_own_way(self):
        id = self.begin('stubborn')
        self.worker.cancel(id)
        self.worker.wait_for('attempt.log', 2)
        self.worker.cancel(id)
        self.assertEqual(self.worker.result(id), 'my own end')

    def test_it_never_cuts_a_line_in_two(self):
        for _ in range(20):
            id = self.begin('writes_much')
            self.worker.cancel(id)
            self.assertEqual(self.worker.error(id)['data'], {'cancelled': True})

    def test_one_that_waits_in_the_window_does_not_begin(self):
        first = self.begin('sleeps')
        second, third = self.worker.run('computes'), self.worker.run('add', {'a': 1})
        self.worker.cancel(second)
        self.worker.cancel(first)
        self.assertEqual(self.worker.error(second)['data'], {'cancelled': True})
        self.assertEqual(self.worker.result(third), 11)
        self.assertEqual(self.log(), ['begun'])

    def test_right_behind_its_start_it_is_heard_too(self):
        for _ in range(200):
            id = self.worker.run('computes', {'mark': False})
            self.worker.cancel(id)
            self.assertEqual(self.worker.error(id)['data'], {'cancelled': True})

    def test_of_an_attempt_that_was_answered_it_is_ignored(self):
        id = self.worker.run('noop')
        self.worker.result(id)
        self.worker.cancel(id)
        self.assertEqual(self.worker.result(self.worker.run('add', {'a': 1})), 11)


class Lanes(Case):
    modules = ('sample_threads',)
    options = ('--threads', '4', '--tasks', '1000')

    def test_its_slots_are_those_of_its_lanes(self):
        self.assertEqual(self.worker.ready['slots'], {'process': 1, 'thread': 4, 'async': 1000})
        lanes = {t['name']: t['lane'] for t in self.worker.ready['types']}
        self.assertEqual((lanes['thread.meet'], lanes['async.sleep'], lanes['main_computes']),
                         ('thread', 'async', 'process'))

    def test_threads_run_beside_each_other_and_are_used_again(self):
        for _ in range(3):
            ids = [self.worker.run('thread.meet') for _ in range(4)]
            self.assertEqual(len({self.worker.result(id) for id in ids}), 4)

    def test_a_computing_thread_is_interrupted(self):
        id = self.begin('thread.computes')
        self.worker.cancel(id)
        self.assertEqual(self.worker.error(id)['data'], {'cancelled': True})

    def test_a_waiting_thread_is_interrupted_between_its_waits(self):
        for _ in range(10):
            id = self.begin('thread.naps')
            self.worker.cancel(id)
            self.assertEqual(self.worker.error(id)['data'], {'cancelled': True})

    def test_threads_are_served_while_the_main_thread_computes(self):
        main = self.begin('main_computes')
        thread = self.begin('thread.naps')
        self.worker.cancel(thread)
        self.assertEqual(self.worker.error(thread)['data'], {'cancelled': True})
        self.assertEqual(self.worker.result(self.worker.run('async.sleep', {'seconds': 0.01})), 0.01)
        self.worker.cancel(main)
        self.assertEqual(self.worker.error(main)['data'], {'cancelled': True})

    def test_an_exception_in_a_thread_is_an_answer(self):
        self.assertEqual(self.worker.error(self.worker.run('thread.raises'))['message'], "KeyError: 'k'")

    def test_tasks_wait_beside_each_other(self):
        begin = time.monotonic()
        ids = [self.worker.run('async.sleep', {'seconds': 0.5}) for _ in range(500)]
        for id in ids:
            self.worker.result(id)
        self.assertLess(time.monotonic() - begin, 100)          # one after another: 250 s

    def test_a_task_is_cancelled_as_a_task(self):
        id = self.begin('async.forever')
        self.worker.cancel(id)
        self.assertEqual(self.worker.error(id)['data'], {'cancelled': True})
        self.assertEqual(self.log(), ['begun', 'cleaned up'])

    def test_a_task_that_has_not_begun_is_answered_too(self):
        for _ in range(50):
            id = self.worker.run('async.forever')
            self.worker.cancel(id)
            self.assertEqual(self.worker.error(id)['data'], {'cancelled': True})

    def test_a_task_that_exits_is_a_failure_and_the_loop_lives(self):
        self.assertIn('SystemExit', self.worker.error(self.worker.run('async.exits'))['message'])
        self.assertEqual(self.worker.result(self.worker.run('async.sleep', {'seconds': 0})), 0)

    def test_what_is_printed_beside_others_is_the_log_of_its_own_attempt(self):
        ids = {self.worker.run('thread.prints', {'word': 'w%d' % n}): 'w%d' % n for n in range(8)}
        one = self.worker.run('async.prints', {'word': 'task'})
        for id in [*ids, one]:
            self.worker.result(id)
        said = {}
        for note in self.worker.notes('attempt.log'):
            said.setdefault(note['fence'], []).append(note['text'])
        self.assertEqual(said, {**{id: [w, w + ' again'] for id, w in ids.items()}, one: ['task']})
        self.assertEqual(self.worker.printed(), '')

    def test_worker_finish_waits_for_all_lanes(self):
        ids = [self.worker.run('async.sleep', {'seconds': 0.2}), self.begin('thread.naps')]
        self.worker.finish()
        self.assertEqual(self.worker.result(ids[0]), 0.2)
        self.worker.cancel(ids[1])
        self.assertEqual(self.worker.error(ids[1])['data'], {'cancelled': True})
        self.assertEqual(self.worker.status(), 0)


if __name__ == '__main__':
    unittest.main()
