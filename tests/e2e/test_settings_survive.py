"""test_settings_survive.py - what operators set outlives kill -9 of the broker and of the supervisor, and a stop."""

from survive import SurviveTest, kill_broker

QUEUE = ('max_running', 'max_running_per_tenant', 'max_running_per_key', 'rate', 'burst', 'max_jobs', 'max_bytes',
         'weights', 'paused', 'draining')


def queue(c, name):
    found = [q for q in c.call('queue.list')['items'] if q['name'] == name]
    return {key: found[0][key] for key in QUEUE} if found else None


def routing(c, name):
    return c.call('type.show', name=name)['routing']


class SettingsSurvive(SurviveTest):
    def test_settings_of_a_queue_survive(self):
        lives = self.lives()
        _, c = next(lives)
        c.call('queue.set', name='mail', max_running=3, max_running_per_tenant=2, max_running_per_key=1, rate=1.5,
               burst=4, max_jobs=100, max_bytes=100000, weights={'acme': 3, 'a"b': 2})
        c.call('queue.pause', name='mail')
        c.call('queue.drain', name='full')
        before = queue(c, 'mail')
        self.assertTrue(before['paused'])
        for _, c in lives:
            self.assertEqual(queue(c, 'mail'), before)
            self.assertTrue(queue(c, 'full')['draining'])
            job = c.call('job.submit', type='echo', queue='mail')
            self.assertEqual(c.call('job.explain', id=job['id'])['waits'][0]['kind'], 'paused')
            c.call('job.cancel', id=job['id'])

    def test_what_is_set_back_stays_so(self):
        jobd = self.daemon('queue mail.max_running=5')
        c = jobd.client()
        c.call('queue.set', name='mail', max_running=2, weights={'a': 2})
        c.call('queue.pause', name='mail')
        c = kill_broker(jobd)
        self.assertEqual((queue(c, 'mail')['max_running'], queue(c, 'mail')['paused']), (2, True))
        c.call('queue.resume', name='mail')
        c.call('queue.set', name='mail', max_running=5, weights={'a': 1})
        c = kill_broker(jobd)
        now = queue(c, 'mail')
        self.assertEqual((now['max_running'], now['paused'], now['weights']), (5, False, {}))

    def test_an_operators_setting_wins_over_the_file_and_the_rest_is_the_files(self):
        state = self.state_dir()
        jobd = self.daemon('queue mail.max_running=5', 'queue mail.max_jobs=10', state_dir=state)
        jobd.client().call('queue.set', name='mail', max_running=2)
        jobd.stop()
        jobd = self.daemon('queue mail.max_running=8', 'queue mail.max_jobs=20', state_dir=state)
        now = queue(jobd.client(), 'mail')
        self.assertEqual((now['max_running'], now['max_jobs']), (2, 20))

    def test_a_pin_survives_and_can_be_taken_off(self):
        lives = self.lives()
        _, c = next(lives)
        c.call('type.pin', name='echo', lane='process')
        for _, c in lives:
            self.assertEqual(routing(c, 'echo')['mode'], 'pin')
            self.assertEqual(c.call('type.show', name='echo')['lane'], 'process')
        c.call('type.pin', name='echo', mode='auto')

    def test_a_pin_against_the_file_survives_and_with_it_needs_none(self):
        jobd = self.daemon('type echo.lane=process')
        c = jobd.client()
        self.assertEqual(routing(c, 'echo')['by'], 'configuration')
        c.call('type.pin', name='echo', mode='auto')
        c = kill_broker(jobd)
        self.assertEqual(routing(c, 'echo')['mode'], 'auto')
        c.call('type.pin', name='echo', lane='process')
        c = kill_broker(jobd)
        self.assertEqual((routing(c, 'echo')['mode'], routing(c, 'echo')['by']), ('pin', 'configuration'))

    def test_what_was_measured_survives_a_stop(self):
        state = self.state_dir()
        jobd = self.daemon(state_dir=state)
        c = jobd.client()
        for _ in range(40):
            c.call('job.call', type='bench.cpu', args={'us': 2000})
        before = c.call('type.show', name='bench.cpu')['measured']
        self.assertTrue(before)
        jobd.stop()
        jobd = self.daemon(state_dir=state)
        self.assertEqual(jobd.client().call('type.show', name='bench.cpu')['measured'], before)

    def test_the_memory_engine_forgets_settings(self):
        jobd = self.daemon('store.engine=memory')
        c = jobd.client()
        self.assertTrue(c.call('queue.pause', name='mail')['paused'])
        c = kill_broker(jobd)
        self.assertIsNone(queue(c, 'mail'))
