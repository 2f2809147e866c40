// What stands around the elements of an XMLTV document that is made here.

/** The lines before and after the elements of a document. */
export const documentHead =
  '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n<tv generator-info-name="headend">\n';
export const documentTail = "</tv>\n";
