// Reads the project's own sources for the tests that watch over them: what each file imports, and what globals it uses.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import ts from "typescript";

/** An import, export-from, dynamic import or worker address. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** A path of this project when relative, else the package or `node:` module. */
  readonly target: string;
  /** Erased before it runs. */
  readonly typeOnly: boolean;
  readonly names: readonly string[];
  readonly line: number;
}

/** A use of something global, such as `Bun`, `fetch()` or `Date.now()`. */
export interface Use {
  readonly what: string;
  readonly line: number;
}

export interface Source {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly uses: readonly Use[];
}

export const root = resolve(import.meta.dirname, "../..");

/** Every file below the four visible folders, with slashes, in order. */
export function listFiles(...folders: readonly string[]): string[] {
  return folders
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/** The code below the folders, parsed. */
export function readSources(...folders: readonly string[]): Source[] {
  return listFiles(...folders)
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .map(readSource);
}

/** Parses one file of this project; `text` stands in for what is on disk. */
export function readSource(path: string, text: unknown = undefined): Source {
  const code = typeof text === "string" ? text : readFileSync(join(root, path), "utf8");
  const file = ts.createSourceFile(path, code, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const uses: Use[] = [];
  const own = new Set<string>();
  const lineOf = (node: ts.Node) => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean, names: readonly string[] = []) => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const target = targetOf(path, specifier.text);
    imports.push({ specifier: specifier.text, target, typeOnly, names, line: lineOf(node) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeOnly(node.importClause), namesOf(node));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false);
    else if (ts.isNewExpression(node) && node.expression.getText(file) === "URL" && node.arguments?.length === 2) {
      if (node.arguments[1]?.getText(file) === "import.meta.url") add(node, node.arguments[0], false);
    }
    if (
      (ts.isParameter(node) || ts.isVariableDeclaration(node) || ts.isBindingElement(node)) &&
      ts.isIdentifier(node.name)
    )
      own.add(node.name.text);
    if (ts.isImportSpecifier(node) || ts.isFunctionDeclaration(node)) own.add(node.name?.text ?? "");
    const what = globalUse(node);
    if (what) uses.push({ what, line: lineOf(node) });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, text: code, imports, uses: uses.filter(({ what }) => !own.has(what.replace(/\W.*/, ""))) };
}

/** `Bun`, `console`, `fetch()`, `process.env`, `Date.now()`, `new Date()`, … when the node is one of them. */
function globalUse(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const { text } = node.expression;
    if (text === "Bun" || text === "Deno" || text === "console") return text;
    if (text === "process" && node.name.text === "env") return "process.env";
    if ((text === "Date" || text === "performance") && node.name.text === "now") return `${text}.now()`;
  }
  if (ts.isNewExpression(node) && node.getText() === "new Date()") return "new Date()";
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    const { text } = node.expression;
    if (["fetch", "setTimeout", "setInterval"].includes(text)) return `${text}()`;
  }
  return undefined;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  const { name, namedBindings } = clause;
  if (name || !namedBindings || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly);
}

function namesOf({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  if (!bindings || !ts.isNamedImports(bindings)) return [];
  return bindings.elements.map((element) => (element.propertyName ?? element.name).text);
}

function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith(".")) return posix.normalize(posix.join(dirname(path), specifier));
  if (specifier.startsWith("node:") || specifier.startsWith("bun:")) return specifier;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
