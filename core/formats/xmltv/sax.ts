// The door to the `sax` package: a strict parser of text in pieces.
import sax from "sax";

/** What a parser tells. Names and values are decoded; CDATA comes as text. */
export interface Events {
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  close?(name: string): void;
  text?(text: string): void;
  doctype?(text: string): void;
  /** An error; the parser goes on after it. */
  error?(error: Error): void;
}

export interface Parser {
  /** Entities beyond XML's five and HTML's: name → text. */
  readonly entities: Record<string, string>;
  write(text: string): void;
  end(): void;
}

export function createParser(events: Events): Parser {
  const parser = sax.parser(true, { position: false });
  const text = (part: string) => events.text?.(part);
  parser.onopentag = (tag) => events.open?.(tag.name, tag.attributes as Record<string, string>);
  parser.onclosetag = (name) => events.close?.(name);
  parser.ontext = text;
  parser.oncdata = text;
  parser.ondoctype = (doctype) => events.doctype?.(doctype);
  parser.onerror = (error) => {
    (parser as { error: Error | null }).error = null;
    events.error?.(error);
  };
  return {
    entities: parser.ENTITIES,
    write: (part) => void parser.write(part),
    end: () => void parser.close(),
  };
}
