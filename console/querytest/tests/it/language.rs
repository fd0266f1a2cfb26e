//! The language: what a script may say, and that a wrong expectation fails.

use console_querytest::{run, run_all};

fn failures(script: &str) -> Vec<Option<String>> {
    run(script).expect("a script").into_iter().map(|v| v.failure).collect()
}

fn passes(script: &str) {
    for failure in failures(script) {
        assert_eq!(failure, None);
    }
}

#[test]
fn loads_add_up_until_cleared() {
    passes(
        "load 1m
           a 1 2 3

         load 1m
           b{x=\"y\"} 5

         # a comment

         eval instant at 1m a
           a 2

         eval instant at 0 {__name__=~\"a|b\"}
           a 1
           b{x=\"y\"} 5

         clear

         eval instant at 1m a",
    );
}

#[test]
fn ranges_compare_every_step() {
    passes("load 1m\n  a 1 _ 3\n\neval range from 0 to 2m step 1m a\n  a 1 1 3");
    let wrong = failures("load 1m\n  a 1 _ 3\n\neval range from 0 to 2m step 1m a\n  a 1 _ 3");
    assert!(wrong[0].is_some());
}

#[test]
fn wrong_values_labels_and_orders_fail() {
    for expected in ["a 2", "b 1", "a{x=\"y\"} 1", ""] {
        let script = format!("load 1m\n  a 1\n\neval instant at 0 a\n  {expected}");
        assert!(failures(&script)[0].is_some(), "{expected}");
    }
    let script =
        "load 1m\n  a{x=\"1\"} 1\n  a{x=\"2\"} 2\n\neval instant at 0 sort_desc(a)\n  expect ordered\n";
    assert!(failures(&format!("{script}  a{{x=\"1\"}} 1\n  a{{x=\"2\"}} 2"))[0].is_some());
    passes(&format!("{script}  a{{x=\"2\"}} 2\n  a{{x=\"1\"}} 1"));
}

#[test]
fn failures_and_annotations_are_expected_by_message_or_pattern() {
    passes(
        "load 1m
           a 1 2 3

         eval instant at 2m rate(a[2m])
           expect no_warn
           expect info msg: PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"a\" (1:6)
           {} 0.016666666666666666

         eval instant at 0 label_replace(a, \"x\", \"y\", \"z\", \"(\")
           expect fail regex: invalid regular expression.*

         eval_fail instant at 0 topk(NaN, a)
           expected_fail_message Parameter value is NaN",
    );
    assert!(failures("eval instant at 0 1 + 1\n  expect fail")[0].is_some());
    assert!(failures("load 1m\n  a 1 2 3\n\neval instant at 2m rate(a[2m])\n  expect no_info\n  {} 0.016666666666666666")[0].is_some());
}

#[test]
fn annotations_may_be_told_without_place_and_details() {
    let script = |told: &str| {
        format!(
            "load 1m\n  f_bucket{{le=\"1\"}} 4\n  f_bucket{{le=\"+Inf\"}} 2\n\n\
             eval instant at 0 histogram_quantile(0.5, f_bucket)\n  expect info msg: {told}\n  {{}} 0.5"
        )
    };
    let message = "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
                   https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for \
                   metric name \"f_bucket\"";
    passes(&script(message));
    assert!(failures(&script(&message.replace("f_bucket", "f")))[0].is_some());
}

#[test]
fn the_last_line_of_a_series_holds() {
    passes("load 1m\n  a 1 2 3\n  a _ 5\n\neval range from 0 to 2m step 1m a\n  a _ 5 5");
}

#[test]
fn scalars_strings_and_range_vectors_are_values_too() {
    passes(
        "load 10s
           a 1+1x5

         eval instant at 0 1 + 1
           2

         eval instant at 0 \"x\"
           expect string \"x\"

         eval instant at 50s a[20s]
           expect range vector from 40s to 50s step 10s
           a 5 6",
    );
}

#[test]
fn classic_histograms_become_native_ones_on_request() {
    passes(
        "load_with_nhcb 1m
           h_bucket{le=\"1\"} 1
           h_bucket{le=\"+Inf\"} 3
           h_count 3
           h_sum 4

         eval instant at 0 h
           h {{schema:-53 sum:4 count:3 custom_values:[1] buckets:[1 2]}}",
    );
}

#[test]
fn a_broken_script_names_its_line() {
    assert_eq!(run("load 1m\n  a 1\n\nlaod 1m").expect_err("no command").line, 4);
    assert_eq!(run("load 1m\n  a 1 ?").expect_err("no number").line, 2);
}

#[test]
fn a_broken_command_is_one_failure_among_the_others() {
    let script = "load 1m
  a 1

load 1m
  b 1 ?

eval instant at 0 a
  a 1

evil instant at 0 a
  a 1

eval instant at 0 b
  expect no_warn
  expect warn

eval instant at 0 a
  a 1";
    let failed: Vec<usize> = run_all(script).iter().filter(|v| v.failure.is_some()).map(|v| v.line).collect();
    assert_eq!((failed, run_all(script).len()), (vec![5, 10, 15], 5));
    assert_eq!(run(script).expect_err("no number").line, 5);
}

#[test]
fn commands_and_old_forms_are_read() {
    passes(
        "CLEAR

         load 30s
           a{x=\"1\"} 1 2 3
           a{x=\"2\"} 3 2 1

         eval_ordered instant at 0 sort_desc(a)
           a{x=\"2\"} 3
           a{x=\"1\"} 1

         eval_warn instant at 0 quantile(2, a)
           {} Inf

         eval_info instant at 1m rate(a[1m1s])
           {x=\"1\"} 0.03333333333333333
           {x=\"2\"} 0.05

         eval_fail instant at 0 label_join(a, \"\", \"-\")
           expected_fail_regexp invalid destination .*

         eval_info range from 30s to 1m step 30s irate(a{x=\"1\"}[1m]) + rate(a{x=\"1\"}[31s])
           {x=\"1\"} 0.06666666666666667 0.06666666666666667",
    );
    for bad in [
        "eval_ordered range from 0 to 1m step 1m a",
        "eval_often instant at 0 a",
        "evaluate instant at 0 a",
        "eval range from 1m to 0 step 1m a",
        "eval at 0 a",
        "load",
        "load_with_nhcbs 1m",
    ] {
        assert!(run(bad).is_err(), "{bad}");
    }
}

#[test]
fn expectations_must_make_sense() {
    for bad in [
        "expect warn\n  expect no_warn",
        "expect no_info\n  expect info msg: x",
        "expect fail msg: x\n  expect fail msg: y",
        "expect ordered msg: x",
        "expect nothing",
        "expect warn text: x",
        "expect fail regex: (",
        "expect string x",
        "expect range vector from 1m to 0 step 1m",
        "expect range vector from 0",
        "a 1 2",
    ] {
        assert!(run(&format!("eval instant at 0 a\n  {bad}")).is_err(), "{bad}");
    }
    // All annotations of a kind that is expected must be expected.
    let script = |expected: &str| {
        format!(
            "load 1m\n  a 1 2\n  b 1 2\n\neval instant at 1m rate(a[2m]) + rate(b[2m])\n  {expected}\n  {{}} 0.03333333333333333"
        )
    };
    assert!(failures(&script("expect info regex: .*\\\"a\\\".*"))[0].is_some());
    passes(&script("expect info regex: .*\"a\".*\n  expect info regex: .*\"b\".*"));
}

#[test]
fn sequences_have_gaps_stale_markers_and_histograms() {
    passes(
        "load 1m
           a 1 _ stale 4 _x2 7 8x1 1-1x2
           {\"odd name\", \"odd label\"=\"x\"} 1
           h {{}}x1 {{schema:1 count:3 sum:4 z_bucket:1 z_bucket_w:0.5 buckets:[1 0 1] offset:-1 n_buckets:[1] n_offset:2}}
           c {{schema:-53 sum:2 count:2 custom_values:[1 2] buckets:[2]}}-{{schema:-53 sum:1 count:1 custom_values:[1 2] buckets:[1]}}x1

         eval range from 0 to 11m step 1m a
           a 1 1 _ 4 4 4 7 8 8 1 0 -1

         eval instant at 0 {\"odd name\"}
           {\"odd name\", \"odd label\"=\"x\"} 1

         eval instant at 1m h
           h {{}}

         eval instant at 2m h
           h {{schema:1 count:3 sum:4 z_bucket:1 z_bucket_w:0.5 buckets:[1 0 1] offset:-1 n_buckets:[1] n_offset:2}}

         eval instant at 1m c
           c {{schema:-53 sum:1 count:1 custom_values:[1 2] buckets:[1]}}",
    );
    for bad in
        ["{{schema:1 schema:1}}", "{{sums:1}}", "{{schema:2}}+{{schema:1}}x1", "1x", "_x", "{{", "1++2x3"]
    {
        assert!(run(&format!("load 1m\n  a {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn a_written_reset_hint_counts_and_an_unwritten_one_does_not() {
    let script = "load 1m\n  h {{count:1 sum:1}} {{count:2 sum:1}}\n\neval instant at 1m h\n  ";
    passes(&format!("{script}h {{{{count:2 sum:1}}}}"));
    passes(&format!("{script}h {{{{count:2 sum:1 counter_reset_hint:not_reset}}}}"));
    for hint in ["gauge", "reset", "unknown"] {
        let script = format!("{script}h {{{{count:2 sum:1 counter_reset_hint:{hint}}}}}");
        assert!(failures(&script)[0].is_some(), "{hint}");
    }
}

#[test]
fn start_times_belong_to_the_next_line() {
    passes(
        "load 1m\n  a_total{x=\"1\"}@st _ -30s\n  a_total{x=\"1\"} 1 4\n\neval instant at 1m increase(a_total[1m])\n  {x=\"1\"} 4",
    );
    for bad in
        ["a@st -1m\n  b 1", "a@st -1m", "a@st -1m\n  a@st -1m\n  a 1", "a@st -1m -1m\n  a 1", "a@st 1\n  a 1"]
    {
        assert!(run(&format!("load 1m\n  {bad}")).is_err(), "{bad}");
    }
}
