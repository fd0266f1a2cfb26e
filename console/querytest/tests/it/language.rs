//! The language: what a script may say, and that a wrong expectation fails.

use console_querytest::run;

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
