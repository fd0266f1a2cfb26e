//! Expansion: walks the tree, counts steps, bounds the output.

use crate::{
    HostValues, Limits, Template, TemplateError, functions,
    parse::{At, Command, Node, Operand, Pipeline},
    value::Value,
};

pub(crate) fn expand(
    template: &Template,
    nodes: &[Node],
    data: &Value,
    variables: &[(&str, Value)],
    host: &HostValues<'_>,
    limits: &Limits,
) -> Result<String, TemplateError> {
    let mut scope: Vec<(String, Value)> = vec![(String::new(), data.clone())];
    scope.extend(variables.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
    let mut run = Run { template, host, limits, out: String::new(), steps: 0, depth: 0, scope };
    run.nodes(nodes, data)?;
    Ok(run.out)
}

enum Flow {
    Next,
    Break,
    Continue,
}

struct Run<'a> {
    template: &'a Template,
    host: &'a HostValues<'a>,
    limits: &'a Limits,
    out: String,
    steps: usize,
    depth: usize,
    /// Innermost last; the root data under the empty name.
    scope: Vec<(String, Value)>,
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, TemplateError> {
        let kept = self.scope.len();
        for node in nodes {
            match self.node(node, dot)? {
                Flow::Next => {}
                flow => {
                    self.scope.truncate(kept);
                    return Ok(flow);
                }
            }
        }
        self.scope.truncate(kept);
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, TemplateError> {
        match node {
            Node::Text(text) => self.write(text, None)?,
            Node::Print(pipeline, at) => {
                self.step(at)?;
                let value = self.pipeline(pipeline, dot, at)?;
                if pipeline.variables.is_empty() {
                    let text = value.print();
                    self.write(&text, Some(at))?;
                }
            }
            Node::If { condition, then, otherwise, at } => {
                return self.scoped(condition, dot, at, |run, value| {
                    run.nodes(if value.truth() { then } else { otherwise }, dot)
                });
            }
            Node::With { value, then, otherwise, at } => {
                return self.scoped(value, dot, at, |run, value| {
                    if value.truth() { run.nodes(then, &value) } else { run.nodes(otherwise, dot) }
                });
            }
            Node::Range { over, body, otherwise, at } => return self.range(over, body, otherwise, dot, at),
            Node::Template { name, data, at } => self.call_template(name, data.as_ref(), dot, at)?,
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn scoped(
        &mut self,
        pipeline: &Pipeline,
        dot: &Value,
        at: &At,
        then: impl FnOnce(&mut Self, Value) -> Result<Flow, TemplateError>,
    ) -> Result<Flow, TemplateError> {
        self.step(at)?;
        let kept = self.scope.len();
        let value = self.pipeline(pipeline, dot, at)?;
        let flow = then(self, value);
        self.scope.truncate(kept);
        flow
    }

    fn range(
        &mut self,
        over: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
        at: &At,
    ) -> Result<Flow, TemplateError> {
        self.step(at)?;
        let kept = self.scope.len();
        let bare = Pipeline { variables: Vec::new(), assigns: false, commands: over.commands.clone() };
        let items: Vec<(Value, Value)> = match self.pipeline(&bare, dot, at)? {
            Value::List(l) => l.into_iter().enumerate().map(|(i, v)| (Value::Int(i as i64), v)).collect(),
            Value::Map(m) => m.into_iter().map(|(k, v)| (Value::Str(k), v)).collect(),
            Value::Int(n) => {
                let n = n.clamp(0, self.limits.max_steps as i64);
                (0..n).map(|i| (Value::Int(i), Value::Int(i))).collect()
            }
            Value::Nil => Vec::new(),
            other => return Err(at.error(format!("range can't iterate over {}", other.kind()))),
        };
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, item) in items {
            self.step(at)?;
            match over.variables.as_slice() {
                [one] => self.scope.push((one.clone(), item.clone())),
                [k, v] => {
                    self.scope.push((k.clone(), key));
                    self.scope.push((v.clone(), item.clone()));
                }
                _ => {}
            }
            let flow = self.nodes(body, &item)?;
            self.scope.truncate(kept);
            if matches!(flow, Flow::Break) {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn call_template(
        &mut self,
        name: &str,
        data: Option<&Pipeline>,
        dot: &Value,
        at: &At,
    ) -> Result<(), TemplateError> {
        self.step(at)?;
        let template = self.template;
        let body =
            template.defined.get(name).ok_or_else(|| at.error(format!("template {name:?} not defined")))?;
        let data = match data {
            Some(p) => self.pipeline(p, dot, at)?,
            None => Value::Nil,
        };
        if self.depth >= self.limits.max_depth {
            return Err(at.error(format!("templates call each other deeper than {}", self.limits.max_depth)));
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.scope, vec![(String::new(), data.clone())]);
        let done = self.nodes(body, &data);
        self.scope = outer;
        self.depth -= 1;
        done.map(|_| ())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value, at: &At) -> Result<Value, TemplateError> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, value, dot, at)?);
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipeline.variables {
            if pipeline.assigns {
                let slot = self.scope.iter_mut().rev().find(|(n, _)| n == name);
                let slot = slot.ok_or_else(|| at.error(format!("undefined variable ${name}")))?;
                slot.1 = value.clone();
            } else {
                self.scope.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        command: &Command,
        piped: Option<Value>,
        dot: &Value,
        at: &At,
    ) -> Result<Value, TemplateError> {
        self.step(at)?;
        let (first, rest) = command.0.split_first().ok_or_else(|| at.error("missing value for command"))?;
        if let Operand::Function(name) = first
            && matches!(name.as_str(), "and" | "or")
        {
            return self.short_circuit(name, rest, piped, dot, at);
        }
        let mut arguments = Vec::with_capacity(rest.len() + 1);
        for operand in rest {
            arguments.push(self.operand(operand, dot, at)?);
        }
        arguments.extend(piped);
        match first {
            Operand::Function(name) => {
                let budget = self.limits.max_output_bytes;
                functions::call(self.template.functions, name, &arguments, budget)
                    .map_err(|e| at.error(format!("error calling {name}: {e}")))
            }
            operand if arguments.is_empty() => self.operand(operand, dot, at),
            Operand::Path(path) => self.method(dot.clone(), path, &arguments, at),
            Operand::Variable(name, path) => {
                let value = self.variable(name, at)?;
                self.method(value, path, &arguments, at)
            }
            Operand::Group(inner, path) if !path.is_empty() => {
                let value = self.pipeline(inner, dot, at)?;
                self.method(value, path, &arguments, at)
            }
            _ => Err(at.error("can't give argument to non-function")),
        }
    }

    /// `and` and `or` evaluate only as far as needed.
    fn short_circuit(
        &mut self,
        name: &str,
        operands: &[Operand],
        piped: Option<Value>,
        dot: &Value,
        at: &At,
    ) -> Result<Value, TemplateError> {
        let mut last = None;
        for operand in operands {
            let value = self.operand(operand, dot, at)?;
            if value.truth() == (name == "or") {
                return Ok(value);
            }
            last = Some(value);
        }
        piped
            .or(last)
            .ok_or_else(|| at.error(format!("wrong number of args for {name}: want at least 1 got 0")))
    }

    fn operand(&mut self, operand: &Operand, dot: &Value, at: &At) -> Result<Value, TemplateError> {
        match operand {
            Operand::Literal(v) => Ok(v.clone()),
            Operand::Function(name) => {
                functions::call(self.template.functions, name, &[], self.limits.max_output_bytes)
                    .map_err(|e| at.error(format!("error calling {name}: {e}")))
            }
            Operand::Host(name) => {
                (self.host)(name).ok_or_else(|| at.error(format!("{name} has no value here")))
            }
            Operand::Path(path) => walk_in(dot, path, at),
            Operand::Variable(name, path) => walk(self.variable(name, at)?, path, at),
            Operand::Group(inner, path) => {
                let value = self.pipeline(inner, dot, at)?;
                walk(value, path, at)
            }
        }
    }

    fn method(
        &self,
        value: Value,
        path: &[String],
        arguments: &[Value],
        at: &At,
    ) -> Result<Value, TemplateError> {
        let (name, before) =
            path.split_last().ok_or_else(|| at.error("can't give argument to non-function"))?;
        walk(value, before, at)?.method(name, arguments).map_err(|e| at.error(e))
    }

    fn variable(&self, name: &str, at: &At) -> Result<Value, TemplateError> {
        let found = self.scope.iter().rev().find(|(n, _)| n == name);
        found.map(|(_, v)| v.clone()).ok_or_else(|| at.error(format!("undefined variable \"${name}\"")))
    }

    fn step(&mut self, at: &At) -> Result<(), TemplateError> {
        self.steps += 1;
        if self.steps > self.limits.max_steps {
            return Err(at.error(format!("more than {} steps", self.limits.max_steps)));
        }
        Ok(())
    }

    fn write(&mut self, text: &str, at: Option<&At>) -> Result<(), TemplateError> {
        if self.out.len() + text.len() > self.limits.max_output_bytes {
            let message = format!("output exceeds {} bytes", self.limits.max_output_bytes);
            return Err(match at {
                Some(at) => at.error(message),
                None => TemplateError { name: String::new(), line: 0, column: 0, message },
            });
        }
        self.out.push_str(text);
        Ok(())
    }
}

/// As [`walk`], without a copy of all that lies beside the path.
fn walk_in(value: &Value, path: &[String], at: &At) -> Result<Value, TemplateError> {
    match path.split_first() {
        Some((name, rest)) => walk(value.field(name).map_err(|e| at.error(e))?, rest, at),
        None => Ok(value.clone()),
    }
}

fn walk(mut value: Value, path: &[String], at: &At) -> Result<Value, TemplateError> {
    for name in path {
        value = value.field(name).map_err(|e| at.error(e))?;
    }
    Ok(value)
}
