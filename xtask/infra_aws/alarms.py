"""From an alarm of CloudWatch through SNS to an alert of a console that runs, and to its end."""

import html
import http.cookiejar
import json
import os
import re
import urllib.parse
import urllib.request

from . import declared
from .emulator import ACCOUNT, REGION, free_ports, get
from .relay import CERTIFICATE, Relay
from .report import Failure, eventually, expect, missing, timed

PATH = "/api/sns/messages"
PASSWORD = "a password of this run"
ROUTING = """\
route: { receiver: on-call, group_by: [alertname], group_wait: 100ms, group_interval: 200ms }
receivers:
  - name: on-call
    slack_configs: [{ channel: '#on-call', api_url_file: absent }]
"""


class Console:
    """A console with nothing but the topic in its configuration."""

    def __init__(self, program, processes, topic):
        self.program, self.processes, self.topic = program, processes, topic
        names = ("listen", "health", "otlp_grpc", "otlp_http")
        self.ports = dict(zip(names, free_ports(len(names))))
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def url(self, path):
        return f"http://127.0.0.1:{self.ports['listen']}{path}"

    def start(self, relay):
        place = self.processes.place
        at = lambda name: os.path.join(place, name)
        for name, text in (("password", PASSWORD), ("routing.yml", ROUTING)):
            with open(at(name), "w") as file:
                file.write(text)
        site = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(self.program))), "site")
        lines = [f"{key}: 127.0.0.1:{port}" for key, port in self.ports.items()] + [
            f"data_dir: {at('console')}", f"external_url: {self.url('')}", f"site_dir: {site}",
            f"admin: {{ username: admin, password_file: {at('password')} }}", f"routing_file: {at('routing.yml')}",
            f"runbooks_dir: {declared.ROOT}/runbooks",
            "sns:", f"  topics: [\"{self.topic}\"]", "  runbook_url: /runbooks/guides/cloud",
            f"  endpoint: {{ address: 127.0.0.1:{relay.tls}, ca_file: {relay.at('ca.pem')} }}",
        ]
        with open(at("quarterdeck.yml"), "w") as file:
            file.write("\n".join(lines) + "\n")
        process = self.processes.start("console", [self.program, "serve", "--config", at("quarterdeck.yml")])

        def ready():
            if process.poll() is not None:
                raise Failure("the console has ended")
            status, text = get(self.url("/readyz"))
            return status == 200, text

        eventually("the console", 120, ready)
        form = urllib.parse.urlencode({"username": "admin", "password": PASSWORD, "next": "/"}).encode()
        request = urllib.request.Request(self.url("/login"), data=form, headers={"origin": self.url("")})
        self.opener.open(request, timeout=20).read()
        return process

    def page(self, path):
        with self.opener.open(self.url(path), timeout=20) as answer:
            return answer.read().decode()

    def row(self, name):
        """State and text of an alarm's row on the page of alerts; nothing where there is none."""
        found = re.search(r'data-alert="%s"[^>]*>(.*?)</tr>' % re.escape(name), self.page("/alerts"), re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else ""

    def messages(self):
        return self.page("/alerts").split('id="messages"', 1)[1]


class Alarms:
    def __init__(self, emulator, processes, program):
        self.sns, self.cloudwatch = emulator.client("sns"), emulator.client("cloudwatch")
        self.emulator, self.processes, self.program = emulator, processes, program

    def run(self):
        name = f"quarterdeck-{declared.ENVIRONMENT}-alarms"
        topic = timed("sns CreateTopic, SHA-256 signatures", lambda: self.sns.create_topic(
            Name=name, Attributes={"SignatureVersion": "2"})["TopicArn"], lambda a: a)
        expect("the topic's name", topic == f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}", topic)
        console = Console(self.program, self.processes, topic)
        self.relay = relay = Relay(self.processes.place, self.emulator, console.url(PATH))
        relay.start()
        process = timed("the console starts, with the topic configured", lambda: console.start(relay),
                        lambda a: f"process {a.pid}")
        self.subscribe(topic)
        alarm = declared.alarm("backup_failed")
        self.raise_alarm(topic, alarm, console)
        self.forge(alarm)
        self.processes.stop(process)
        timed("the console starts anew", lambda: console.start(relay), lambda a: f"process {a.pid}")
        shown = timed("the alert after it", lambda: console.row(alarm["AlarmName"]), lambda a: a.split(" ")[0])
        expect("the alarm fires over the restart", shown.startswith("Firing"), shown)
        self.end_alarm(alarm, console)
        self.tell_something_else(topic, console)
        missing("sns: a signature", "its messages say FAKE: the relay of this run signs them, and adds AlarmArn to alarms")
        missing("sns: delivery over HTTPS", "it posts to the relay in plain text; the console's certificate is CloudFront's")

    def subscribe(self, topic):
        endpoint = f"http://127.0.0.1:{self.relay.plain}{PATH}"
        timed("sns Subscribe, an HTTP endpoint that is not raw", lambda: self.sns.subscribe(
            TopicArn=topic, Protocol="http", Endpoint=endpoint), lambda a: a["SubscriptionArn"])

        def confirmed():
            found = self.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
            # SNS lists the word PendingConfirmation until then; the emulator lists the ARN at once.
            arns = [s["SubscriptionArn"] for s in found if s["SubscriptionArn"].startswith("arn:")]
            of = lambda arn: self.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
            done = [arn for arn in arns if of(arn)["PendingConfirmation"] == "false"]
            return done, (found, self.relay.sent, self.relay.asked)

        timed("the console confirms the subscription by itself", lambda: eventually("the confirmation", 20, confirmed),
              lambda a: a[0].rsplit(":", 1)[0] + ":…")
        expect("the certificate was asked for first", self.relay.asked[0] == CERTIFICATE, self.relay.asked)

    def raise_alarm(self, topic, alarm, console):
        timed(f"cloudwatch PutMetricAlarm, {alarm['AlarmName']}", lambda: self.cloudwatch.put_metric_alarm(
            **alarm, AlarmActions=[topic], OKActions=[topic]))
        timed("cloudwatch SetAlarmState ALARM", lambda: self.cloudwatch.set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="one job failed"))

        def fires():
            shown = console.row(alarm["AlarmName"])
            return shown if shown.startswith("Firing") else "", (shown, self.relay.sent[-1:])

        shown = timed("an alert on the console", lambda: eventually("the alert", 20, fires), lambda a: a[:56])
        expect("it says what the alarm says", alarm["AlarmDescription"] in shown, shown)
        timed("a message to whoever is on call", lambda: eventually("the message", 20, lambda: (
            alarm["AlarmName"] in console.messages(), "no message")), lambda a: "as a preview")

    def forge(self, alarm):
        """What went through, once more, and with one letter changed."""
        message = dict(next(m for m, _, _ in reversed(self.relay.sent) if m["Type"] == "Notification"))
        answers = timed("the same message again", lambda: self.relay.post(message), lambda a: f"{a[0]}, taken once")
        expect("the same message again", answers[0] == 204, answers)
        forged = {**message, "Message": message["Message"].replace('"ALARM"', '"OK"')}
        expect("the message is another", forged["Message"] != message["Message"])
        answers = timed("the alarm as OK, under the same signature", lambda: self.relay.post(forged),
                        lambda a: f"{a[0]} {a[1].strip()}"[:56])
        expect("a forged message", answers[0] == 403 and answers[1].startswith("Signature: "), answers)

    def end_alarm(self, alarm, console):
        timed("cloudwatch SetAlarmState OK", lambda: self.cloudwatch.set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="all jobs ended"))

        def over():
            shown = console.row(alarm["AlarmName"])
            return shown if shown.startswith("Resolved") else "", (shown, self.relay.sent[-1:])

        timed("the alert is over", lambda: eventually("the end", 20, over), lambda a: a.split(" ")[0])

    def tell_something_else(self, topic, console):
        self.sns.publish(TopicArn=topic, Subject="AWS Budgets", Message=json.dumps({"budget": 1}))

        def counted():
            text = get(console.url("/metrics"))[1]
            lines = [line for line in text.splitlines() if line.startswith("quarterdeck_sns_messages_total")]
            return [line for line in lines if 'outcome="no_alarm"} 1' in line], lines

        timed("sns Publish, no alarm", lambda: eventually("the count", 20, counted), lambda a: "counted, and no alert")
